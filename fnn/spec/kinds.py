"""The table of all kinds: versioned names and the spec classes behind them."""

from __future__ import annotations

import importlib
import re
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from fnn.spec.errors import SpecError, choice

if TYPE_CHECKING:
    from dataclasses import Field

    from typing_extensions import TypeIs

T = TypeVar("T")

_KINDS: dict[str, type[AnySpec]] = {}
_pending: list[str] = []
"""modules that register kinds when they are imported"""


class AnySpec(Protocol):
    """What `@spec` makes of a class: a dataclass with a kind."""

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def check_kind(kind: str) -> None:
    """A kind is a name and a version. Raises `SpecError` for anything else."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.v[1-9][0-9]*", kind):
        raise SpecError(f"expected a versioned kind such as 'dense.v1', got {kind!r}")


def declare_modules(*modules: str) -> None:
    """Modules that register kinds: they are imported when a kind is asked for that is not known."""
    _pending.extend(modules)


def _import_modules() -> None:
    while _pending:
        importlib.import_module(_pending.pop(0))


def register(kind: str, cls: type[AnySpec]) -> None:
    """Enter a class; the same class defined again (a notebook cell) takes its own place."""
    if not cls.__module__.startswith("fnn."):  # the kinds of fnn are taken, imported yet or not
        _import_modules()
    known = _KINDS.get(kind, cls)
    if _address(known) != _address(cls):
        raise SpecError(f"kind {kind!r} is taken by {_address(known)}")
    _KINDS[kind] = cls


def kinds() -> dict[str, type[AnySpec]]:
    """Every registered kind and its class."""
    _import_modules()
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


def is_spec(value: object) -> TypeIs[AnySpec]:
    """Whether a value is a spec; the class of one is none."""
    return getattr(type(value), "kind", None) in _KINDS


def find_kind(kind: str) -> type[AnySpec]:
    """The class of a kind; the error distinguishes an unknown name from an unknown version."""
    if kind not in _KINDS:
        _import_modules()
    if kind in _KINDS:
        return _KINDS[kind]
    name = kind.split(".")[0]
    versions = [known for known in _KINDS if known.split(".")[0] == name]
    if versions:
        raise SpecError(f"unknown version {kind!r}: this fnn reads {', '.join(sorted(versions))}")
    raise SpecError(
        f"unknown kind {kind!r}{choice(kind, _KINDS)}; if a module of yours declares it, import "
        "that first"
    )


def from_name(name: str, family: tuple[type, ...] | type) -> Any:
    """The spec of that name with all its defaults: `from_name("relu", Elementwise)`.

    Raises `SpecError` for a name that no spec of the family has, and for one without defaults.
    """

    def members() -> dict[str, type]:
        return {kind.split(".")[0]: cls for kind, cls in _KINDS.items() if issubclass(cls, family)}

    known = members()
    if name not in known:
        _import_modules()
        known = members()
    if name not in known:
        raise SpecError(f"unknown name {name!r}{choice(name, known)}")
    try:
        return known[name]()
    except TypeError:
        raise SpecError(f"{name!r} has no defaults: write {known[name].__name__}(…)") from None


def _address(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
