"""Specs as JSON and back: every field under its name, every spec under its versioned kind."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jax
import numpy as np

from fnn.spec.errors import SpecError, at, choice
from fnn.spec.fields import describe
from fnn.spec.kinds import build, find_kind, is_spec


def to_json(spec: Any, *, indent: int | None = 2) -> str:
    """A spec as JSON text; numbers keep every bit.

    Raises `SpecError` where a field holds something JSON can't, e.g. somebody's own Optax
    transformation.
    """
    return json.dumps(_encode(spec), indent=indent, allow_nan=False)


def from_json(text: str) -> Any:
    """The spec that `to_json` wrote: equal to the first, with the same entry in jit's cache.

    Raises `SpecError` with the path of whatever is wrong: unknown kinds, versions and fields,
    missing fields, values of another type.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise SpecError(f"expected an object with a kind, got {describe(data)}")
    return _decode(data)


def _encode(value: Any) -> Any:
    if is_spec(value):
        encoded = {"kind": value.kind}
        for field in dataclasses.fields(value):
            with at(field.name):
                encoded[field.name] = _encode(getattr(value, field.name))
        return encoded
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, (jax.Array, np.ndarray, np.generic)):
        return {"numbers": np.asarray(value).tolist()} if np.ndim(value) else value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise SpecError(f"JSON can't hold {describe(value)}")


def _decode(data: Any) -> Any:
    if isinstance(data, list):
        return tuple(_decode_item(index, item) for index, item in enumerate(data))
    if not isinstance(data, dict):
        return data
    if set(data) == {"numbers"}:
        return np.asarray(data["numbers"], float)
    if not isinstance(data.get("kind"), str):
        raise SpecError(f"expected an object with a kind, got one with {sorted(data)}")
    cls = find_kind(data["kind"])
    names = [field.name for field in dataclasses.fields(cls)]
    values = {}
    for name, value in data.items():
        if name == "kind":
            continue
        if name not in names:
            raise SpecError(f"{data['kind']} has no field {name!r}{choice(name, names)}")
        with at(name):
            values[name] = _decode(value)
    return build(cls, values)


def _decode_item(index: int, item: Any) -> Any:
    with at(f"[{index}]"):
        return _decode(item)
