"""The fields of a spec by their path, numbers or not, and replaced by others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TypeVar, cast

from fnn.spec.decorator import replace
from fnn.spec.errors import SpecError, choice, error_path
from fnn.spec.fields import Role, role
from fnn.spec.kinds import is_spec
from fnn.spec.numbers import matches

T = TypeVar("T")
Keys = tuple[str | int, ...]


def with_fields(spec: T, values: Mapping[str, object]) -> T:
    """The spec with other fields, named by their path or by its tail, whatever they hold.

    Like `with_numbers`, and for what changes the program too: `{"batch_size": 64}`,
    `{"optimizer": "sgd"}`, `{"objective.net.layers[0].units": 32}`. A tail stands for every field
    of that name. Parts and static fields are replaced first, so that `{"momentum": 0.9,
    "optimizer": SGD(momentum=0.0)}` finds its momentum.

    Raises `SpecError` for a name that no field has, and for a value that the field may not hold.
    """
    for name in sorted(values, key=lambda name: _roles(spec, name) in ({Role.NUMBER}, set())):
        for keys, kind in _find(spec, name):
            try:
                spec = cast(T, _with_value(spec, keys, values[name]))
            except SpecError as error:
                if kind is not Role.NUMBER and isinstance(values[name], float):
                    error.message += ": it is structure (another value, another program)"
                raise
    return spec


def is_number(spec: object, name: str) -> bool:
    """Whether the fields of that name are traced numbers; False where there are none."""
    return _roles(spec, name) == {Role.NUMBER}


def _roles(spec: object, name: str) -> set[Role]:
    return {kind for keys, kind in _fields(spec) if matches(_text(keys), name)}


def _find(spec: object, name: str) -> list[tuple[Keys, Role]]:
    matching = [(keys, kind) for keys, kind in _fields(spec) if matches(_text(keys), name)]
    if not matching:
        paths = [_text(keys) for keys, _ in _fields(spec)]
        known = {*paths, *(path.rpartition(".")[2] for path in paths)}
        raise SpecError(f"no field is called {name!r}{choice(name, known)}")
    return matching


def _fields(node: object, keys: Keys = ()) -> Iterator[tuple[Keys, Role]]:
    """Every field at any depth, and every item of a tuple of parts."""
    if isinstance(node, tuple):
        for index, item in enumerate(node):
            if is_spec(item):
                yield (*keys, index), Role.PART
                yield from _fields(item, (*keys, index))
    elif is_spec(node):
        for field in dataclasses.fields(node):
            here = (*keys, field.name)
            yield here, role(field)
            yield from _fields(getattr(node, field.name), here)


def _with_value(node: object, keys: Keys, value: object) -> object:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    with error_path(_text((key,))):
        if isinstance(node, tuple):
            return tuple(
                _with_value(item, rest, value) if index == key else item
                for index, item in enumerate(node)
            )
        changed = _with_value(getattr(node, str(key)), rest, value)
    return replace(node, **{str(key): changed})


def _text(keys: Keys) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
