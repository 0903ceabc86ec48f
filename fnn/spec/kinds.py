"""The table of all kinds: versioned names and the spec classes behind them."""

from __future__ import annotations

import re
import sys
from typing import Any, TypeVar

from fnn.spec.errors import SpecError, choice

T = TypeVar("T")

_KINDS: dict[str, type] = {}


def check_kind(kind: str) -> None:
    """A kind is a name and a version."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.v[1-9][0-9]*", kind):
        raise SpecError(f"expected a versioned kind such as 'dense.v1', got {kind!r}")


def register(kind: str, cls: type) -> None:
    """Enter a class; the same class defined again (a notebook cell) takes its own place."""
    known = _KINDS.get(kind, cls)
    if _address(known) != _address(cls):
        raise SpecError(f"kind {kind!r} is taken by {_address(known)}")
    _KINDS[kind] = cls


def kinds() -> dict[str, type]:
    """Every registered kind and its class."""
    return dict(_KINDS)


def examples(kind: type[T]) -> list[T]:
    """What the `examples()` of fnn's own modules give, as far as it is of that class.

    A module that defines a layer, a loss or another kind has a function `examples`: tests, the
    covering design and random networks are derived from them, so that a new kind has no table to
    be entered in. (A function, because building specs would add half to the time of importing fnn.)
    Modules come in the order of their names.
    """
    modules = sorted({cls.__module__ for cls in kinds().values()})
    return [
        example
        for module in modules
        if module.startswith("fnn.") and hasattr(sys.modules[module], "examples")
        for example in sys.modules[module].examples()
        if isinstance(example, kind)
    ]


def is_spec(value: Any) -> bool:
    """Whether a value is a spec; the class of one is none."""
    return getattr(type(value), "kind", None) in _KINDS


def find_kind(kind: str) -> type:
    """The class of a kind; the error tells an unknown name from an unknown version."""
    if kind in _KINDS:
        return _KINDS[kind]
    name = kind.split(".")[0]
    versions = [known for known in _KINDS if known.split(".")[0] == name]
    if versions:
        raise SpecError(f"unknown version {kind!r}: this fnn reads {', '.join(sorted(versions))}")
    raise SpecError(f"unknown kind {kind!r}{choice(kind, _KINDS)}")


def from_name(name: str, family: tuple[type, ...] | type) -> Any:
    """The spec of that name with all its defaults: `named("relu", Function)`."""
    known = {kind.split(".")[0]: cls for kind, cls in _KINDS.items() if issubclass(cls, family)}
    if name not in known:
        raise SpecError(f"unknown name {name!r}{choice(name, known)}")
    try:
        return known[name]()
    except TypeError:
        raise SpecError(f"{name!r} has no defaults: write {known[name].__name__}(…)") from None


def _address(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
