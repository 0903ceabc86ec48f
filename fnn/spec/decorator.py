"""`@spec`: a frozen dataclass that is also a pytree."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import (
    NoReturn,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import jax
import numpy as np

from fnn.spec.errors import SpecError, choice, error_path
from fnn.spec.fields import (
    Bounds,
    Role,
    check_number,
    check_static,
    classes,
    describe,
    number,
    part,
    role,
    static,
    type_name,
)
from fnn.spec.registry import AnySpec, check_kind, from_name, is_spec, register

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
        jax.tree_util.register_pytree_with_keys(
            spec_class, _flatten_with_keys, functools.partial(_unflatten, spec_class), _flatten
        )
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
    _check_fields(cast(AnySpec, instance))


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


def _check_fields(self: AnySpec) -> None:
    hints = _hints(self.__class__)
    for field in dataclasses.fields(self):
        value, hint = getattr(self, field.name), hints[field.name]
        with error_path(field.name):
            object.__setattr__(self, field.name, _check(value, hint, field))
    check = getattr(self, "check", None)
    if check is not None:
        check()


def _check(value: object, hint: object, field: dataclasses.Field[object]) -> object:
    if role(field) is Role.STATIC:
        return check_static(value, hint, field.metadata.get("bounds", {}))
    if role(field) is Role.PART or is_spec(value):
        return _check_part(value, hint)
    return check_number(value, hint, _bounds(field))


def check_number_at(owner: AnySpec, name: str, value: object) -> None:
    """Whether that field of a spec may hold a number. Raises `SpecError` where it may not."""
    field = next(field for field in dataclasses.fields(owner) if field.name == name)
    check_number(value, _hints(owner.__class__)[name], _bounds(field))


def _bounds(field: dataclasses.Field[object]) -> Bounds:
    bounds: Bounds = field.metadata["bounds"]
    return bounds


def _check_part(value: object, hint: object) -> object:
    if get_origin(hint) is tuple:
        if not isinstance(value, tuple):
            raise SpecError(f"expected a tuple of specs, got {describe(value)}")
        checked = []
        for index, item in enumerate(value):
            with error_path(f"[{index}]"):
                checked.append(_check_part(item, get_args(hint)[0]))
        return tuple(checked)
    family = classes(hint)
    if isinstance(value, str):
        return from_name(value, family)
    if isinstance(value, family) and (value is None or is_spec(value)):
        return value
    if isinstance(value, type) and issubclass(value, family):
        raise SpecError(f"expected a spec, got the class: write {value.__name__}(…)")
    if isinstance(value, family):
        name = type(value).__name__
        raise SpecError(f"{name} is not a spec: decorate the class with @spec('name.v1')")
    several = isinstance(value, list | tuple) and any(map(is_spec, value))
    tail = ": give each one by itself, or unpack them with *" if several else ""
    raise SpecError(f"expected {' or '.join(map(type_name, family))}, got {describe(value)}{tail}")


@functools.cache
def _hints(cls: type) -> dict[str, object]:
    return get_type_hints(cls)


@functools.cache
def _names(cls: type[AnySpec]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields that are children of the pytree node, and those of its treedef."""
    fields = dataclasses.fields(cls)
    children = tuple(field.name for field in fields if role(field) is not Role.STATIC)
    return children, tuple(field.name for field in fields if role(field) is Role.STATIC)


def _flatten(self: AnySpec) -> tuple[tuple[object, ...], tuple[object, ...]]:
    children, statics = _names(self.__class__)
    return tuple(getattr(self, name) for name in children), tuple(
        getattr(self, name) for name in statics
    )


def _flatten_with_keys(
    self: AnySpec,
) -> tuple[tuple[tuple[jax.tree_util.GetAttrKey, object], ...], tuple[object, ...]]:
    children, statics = _flatten(self)
    names = _names(self.__class__)[0]
    keys = (jax.tree_util.GetAttrKey(name) for name in names)
    return tuple(zip(keys, children, strict=True)), statics


def _unflatten(
    cls: type[AnySpec], statics: tuple[object, ...], children: Iterable[object]
) -> AnySpec:
    instance: AnySpec = object.__new__(cls)
    child_names, static_names = _names(cls)
    for name, value in zip(child_names, children, strict=True):
        object.__setattr__(instance, name, value)
    for name, value in zip(static_names, statics, strict=True):
        object.__setattr__(instance, name, value)
    return instance


def _equal(self: AnySpec, other: object) -> bool:
    if type(self) is not type(other):
        return NotImplemented
    structures: list[object] = [jax.tree.structure(self), jax.tree.structure(other)]
    if structures[0] != structures[1]:
        return False
    return all(map(np.array_equal, jax.tree.leaves(self), jax.tree.leaves(other)))


def _hash(self: AnySpec) -> int:
    return hash(jax.tree.structure(self))


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
    "__post_init__": _check_fields,
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _repr,
    "__init_subclass__": classmethod(_refuse_subclass),
}
