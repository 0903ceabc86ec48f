"""`@spec`: a frozen dataclass that is also a pytree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar, cast, dataclass_transform

import jax
import numpy as np

from fnn.spec.checks import check_fields
from fnn.spec.errors import SpecError, choice
from fnn.spec.fields import number, part, static
from fnn.spec.kinds import AnySpec, check_kind, from_name, is_spec, register
from fnn.spec.pytree import equal, hash_structure, register_node

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(number, part, static))
def spec(kind: str) -> Callable[[type[T]], type[T]]:
    """Make a class a spec, registered under a versioned kind such as `"dense.v1"`.

    Its numbers and parts become children of a pytree node; every other field goes into the
    treedef, which `jit` caches on. Fields are checked when a spec is made; unflattening skips the
    checks, because leaves may be tracers then. A spec is final: what JAX knows about a class is not
    inherited, so subclass the abstract class above it instead.

    Raises `SpecError` for a kind without a version, and for one that another class has.
    """
    check_kind(kind)

    def decorate(cls: type[T]) -> type[T]:
        for name, value in {"kind": kind, **_METHODS}.items():
            setattr(cls, name, value)
        spec_class = cast(type[AnySpec], _dataclass(cls))
        register(kind, spec_class)
        register_node(spec_class)
        return cls

    return decorate


@dataclass_transform(frozen_default=True, field_specifiers=(number, part, static))
def abstract_spec(cls: type[T]) -> type[T]:
    """A class whose fields specs inherit; it is none itself."""
    return _dataclass(cls)


def _dataclass(cls: type[T]) -> type[T]:
    return dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)


def set_fields(instance: object, **values: object) -> None:
    """Set the fields of a new spec and check them: for an `__init__` of your own.

    Raises `SpecError` with the field's name for a value that it may not hold.
    """
    for name, value in values.items():
        object.__setattr__(instance, name, value)
    check_fields(cast(AnySpec, instance))


def build(cls: type[AnySpec], values: Mapping[str, object]) -> AnySpec:
    """A checked spec from all of its fields by name, whatever arguments its constructor takes.

    Raises `SpecError` for a field without a default that `values` lacks.
    """
    complete = {}
    for field in dataclasses.fields(cls):
        if field.name not in values and field.default is dataclasses.MISSING:
            raise SpecError(f"{cls.__name__} needs the field {field.name!r}")
        complete[field.name] = values.get(field.name, field.default)
    instance: AnySpec = object.__new__(cls)
    set_fields(instance, **complete)
    return instance


def replace(instance: T, **changes: object) -> T:
    """A copy of a spec with some fields changed, checked again.

    Raises `SpecError` for a name that is no field, and for a value that the field may not hold.
    """
    original = cast(AnySpec, instance)
    names = [field.name for field in dataclasses.fields(original)]
    for name in changes:
        if name not in names:
            raise SpecError(f"{type(original).__name__} has no field {name!r}{choice(name, names)}")
    values = {name: getattr(original, name) for name in names} | changes
    return cast(T, build(type(original), values))


def _repr(self: AnySpec) -> str:
    arguments = [
        f"{field.name}={_text(getattr(self, field.name))}"
        for field in dataclasses.fields(self)
        if not _is_default(getattr(self, field.name), field.default)
    ]
    return f"{type(self).__name__}({', '.join(arguments)})"


def _text(value: object) -> str:
    if not isinstance(value, (np.ndarray, jax.Array)):
        return repr(value)
    traced = isinstance(value, jax.core.Tracer)
    return f"{value.dtype}{list(value.shape)}" if traced or value.ndim else str(np.asarray(value))


def _is_default(value: object, default: object) -> bool:
    if isinstance(default, str) and is_spec(value):
        same_name = value.kind.split(".")[0] == default
        return same_name and _is_default(value, from_name(default, type(value)))
    return type(value) is type(default) and bool(np.all(value == default))


def _refuse_subclass(cls: type, **_: object) -> NoReturn:
    parent = cls.__mro__[1].__name__
    raise SpecError(f"{parent} is final: subclass the abstract class above it, not {parent}")


_METHODS: dict[str, object] = {
    "__post_init__": check_fields,
    "__eq__": equal,
    "__hash__": hash_structure,
    "__repr__": _repr,
    "__init_subclass__": classmethod(_refuse_subclass),
}
