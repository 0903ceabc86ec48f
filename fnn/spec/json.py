"""Specs as JSON and back: every field under its name, every spec under its versioned kind."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from typing import Any, TypeAlias

import jax
import numpy as np

from fnn.spec.decorator import build
from fnn.spec.errors import SpecError, choice, error_path
from fnn.spec.fields import describe
from fnn.spec.json_text import parse_text
from fnn.spec.kinds import find_kind, is_spec

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def to_json(spec: object, *, indent: int | None = 2) -> str:
    """A spec as JSON text; numbers keep every bit.

    Raises `SpecError` where a field holds something JSON can't, e.g. a user's own Optax
    transformation.
    """
    if not is_spec(spec):
        raise SpecError(f"expected a spec, got {describe(spec)}")
    return json.dumps(_encode(spec), indent=indent)


def from_json(text: str) -> Any:
    """The spec that `to_json` wrote: equal to the first, with the same entry in jit's cache.

    Raises `SpecError` with the path of whatever is wrong: unknown kinds, versions and fields,
    missing fields, values of another type.
    """
    try:
        data = parse_text(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"not JSON: {error}") from None
    if not isinstance(data, dict) or set(data) == {"numbers"}:
        raise SpecError(f"expected an object with a kind, got {describe(data)}")
    try:
        return _decode(data)
    except RecursionError:
        raise SpecError("can't be read: nested too deeply for Python's stack") from None


def _encode(value: object) -> Json:
    if is_spec(value):
        encoded: dict[str, Json] = {"kind": value.kind}
        for field in dataclasses.fields(value):
            with error_path(field.name):
                encoded[field.name] = _encode(getattr(value, field.name))
        return encoded
    if type(value) is tuple:
        return [_encode_item(index, item) for index, item in enumerate(value)]
    if isinstance(value, (jax.Array, np.ndarray)) and not isinstance(value, jax.core.Tracer):
        array = np.asarray(value)
        if array.ndim and np.isfinite(array).all():
            return {"numbers": array.tolist()}
        value = value if array.ndim else array.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"JSON can't hold {value}")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise SpecError(f"JSON can't hold {describe(value)}")


def _encode_item(index: int, item: object) -> Json:
    with error_path(f"[{index}]"):
        return _encode(item)


def _decode(data: Json) -> object:
    if isinstance(data, list):
        return tuple(_decode_item(index, item) for index, item in enumerate(data))
    if not isinstance(data, dict):
        return data
    if set(data) == {"numbers"}:
        return _decode_numbers(data["numbers"])
    kind = data.get("kind")
    if not isinstance(kind, str):
        raise SpecError(f"expected an object with a kind, got one with {sorted(data)}")
    cls = find_kind(kind)
    names = [field.name for field in dataclasses.fields(cls)]
    values = {}
    for name, value in data.items():
        if name == "kind":
            continue
        if name not in names:
            raise SpecError(f"{kind} has no field {name!r}{choice(name, names)}")
        with error_path(name):
            values[name] = _decode(value)
    return build(cls, values)


def _decode_numbers(data: Json) -> np.ndarray:
    with contextlib.suppress(ValueError):
        array = np.asarray(data)
        if array.ndim and array.dtype.kind in "fi":
            return array.astype(float)
    raise SpecError(f"expected an array of numbers, got {describe(data)}")


def _decode_item(index: int, item: Json) -> object:
    with error_path(f"[{index}]"):
        return _decode(item)
