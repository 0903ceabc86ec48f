"""Values of options: whether an option takes one, and how it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Literal, get_args, get_origin

from fnn.spec.errors import SpecError


def check_value(value: object, hint: object) -> None:
    """Raises `SpecError` for a value that an option of this type does not take."""
    if _fits(value, hint):
        return
    structure = isinstance(value, float) and not _fits(0.5, hint)
    tail = ": it is structure (another value, another program)" if structure else ""
    raise SpecError(f"expected {_describe(hint)}, got {format_value(value)}{tail}")


def _fits(value: object, hint: object) -> bool:
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and _fit(value, get_args(hint))
    if get_args(hint):
        return any(_fits(value, kind) for kind in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    assert isinstance(hint, type)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def _fit(values: tuple[object, ...], hints: tuple[object, ...]) -> bool:
    """Whether a tuple is of these types, or of the first one and any length."""
    if hints[-1] is ...:
        hints = hints[:1] * len(values)
    return len(values) == len(hints) and all(map(_fits, values, hints))


def _describe(hint: object) -> str:
    """What an option takes, in words."""
    names: dict[object, str]
    names = {int: "a whole number", float: "a number", bool: "yes or no", str: "a name"}
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    if get_origin(hint) is tuple:
        return _describe_tuple(get_args(hint))
    if get_args(hint):
        return " or ".join(map(_describe, get_args(hint)))
    return "none" if hint is NoneType else names[hint]


def _describe_tuple(hints: tuple[object, ...]) -> str:
    if hints[-1] is not ...:
        return f"{len(hints)} numbers"
    return "names" if hints[0] is str else "whole numbers, alternatives with / between them"


def format_value(value: object) -> str:
    """A value as it is typed."""
    names = {None: "none", True: "yes", False: "no"}
    return names[value] if value is None or isinstance(value, bool) else str(value)


def format_settings(settings: Mapping[str, object]) -> str:
    """Settings as `--over` takes them: `hidden=64,32 dropout=0.2`."""
    return " ".join(f"{name}={_format(value)}" for name, value in settings.items())


def _format(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_format, value)) or "none"
    return f"{value:.6g}" if isinstance(value, float) else format_value(value)
