"""How an option shows in the manual."""

from __future__ import annotations

from typing import Any

from tyro.conf import arg


def option(metavar: str | None = None, unset: str = "", **more: Any) -> Any:
    """An option whose value is called `metavar`; `unset` says what None, or no words, mean."""

    def default(value: str) -> str:
        said = {"None": unset, "": unset, "True": "yes", "False": "no"}.get(value, value)
        return f"(default: {said})" if said else ""

    return arg(metavar=metavar, help_behavior_hint=default, **more)


def word(metavar: str) -> Any:
    """A word that stands without the name of an option."""
    return arg(metavar=metavar, help_behavior_hint="")
