"""How an audit is made: its options, checked."""

from __future__ import annotations

from typing import NamedTuple


class Settings(NamedTuple):
    """How an audit is made."""

    dtype: str | None
    """None: that of the function's arguments"""
    seed: int
    directions: int
    checks: bool
    hessian: bool
