"""The fields of a spec, checked and coerced when it is made."""

from __future__ import annotations

import dataclasses
import functools
from typing import get_args, get_origin, get_type_hints

from fnn.spec.errors import SpecError, error_path
from fnn.spec.fields import (
    Bounds,
    Role,
    check_number,
    check_static,
    classes,
    describe,
    role,
    type_name,
)
from fnn.spec.kinds import AnySpec, from_name, is_spec


def check_fields(self: AnySpec) -> None:
    """Check and coerce each field; then the class's own `check`, where it has one.

    Raises `SpecError` with the field's name.
    """
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
