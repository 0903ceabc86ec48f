"""Whether a value is what an option of the command line takes."""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal, get_args, get_origin

from fnn.spec.errors import SpecError


def check_value(value: Any, hint: Any) -> None:
    """A value that the option takes. Raises `SpecError`."""
    if _fits(value, hint):
        return
    structure = isinstance(value, float) and not _fits(0.5, hint)
    tail = ": it is structure (another value, another program)" if structure else ""
    raise SpecError(f"expected {_told(hint)}, got {format_value(value)}{tail}")


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if get_args(hint):
        return any(_fits(value, kind) for kind in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def _told(hint: Any) -> str:
    """What an option takes, in words."""
    names = {int: "a whole number", float: "a number", bool: "yes or no", str: "a name"}
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    if get_origin(hint) is tuple:
        return "whole numbers, alternatives with / between them"
    if get_args(hint):
        return " or ".join(map(_told, get_args(hint)))
    return "none" if hint is NoneType else names[hint]


def format_value(value: Any) -> str:
    """A value as it is typed."""
    words = {None: "none", True: "yes", False: "no"}
    plain = value is None or isinstance(value, bool)
    return words[value] if plain else str(value)
