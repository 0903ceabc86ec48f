"""The shape of an input as JSON: one array, or dictionaries, lists and tuples of them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.data.json_fields import JsonObject
from fnn.layer import PyTree
from fnn.spec import FnnError


def shape_to_json(tree: PyTree) -> JsonObject:
    """`{"shape": [64], "dtype": "float32"}`, or one of dict, list and tuple around such."""
    if isinstance(tree, jax.ShapeDtypeStruct):
        return {"shape": list(tree.shape), "dtype": tree.dtype.name}
    if type(tree) is dict and all(isinstance(key, str) for key in tree):
        return {"dict": {key: shape_to_json(item) for key, item in tree.items()}}
    for sequence in (list, tuple):
        if type(tree) is sequence:
            return {sequence.__name__: [shape_to_json(item) for item in tree]}
    raise FnnError(f"JSON can't hold an input of type {type(tree).__name__}")


def shape_from_json(data: object) -> PyTree:
    """The inverse of `shape_to_json`. Raises `FnnError` for anything else."""
    match data:
        case {"shape": list(axes), "dtype": str(name)}:
            if all(type(axis) is int and axis > 0 for axis in axes):
                return jax.ShapeDtypeStruct(tuple(axes), _dtype(name))
        case {"dict": dict(items)}:
            return {key: shape_from_json(item) for key, item in items.items()}
        case {"list": list(items)}:
            return [shape_from_json(item) for item in items]
        case {"tuple": list(items)}:
            return tuple(shape_from_json(item) for item in items)
    raise FnnError(f"expected the shape of an input, got {data!r}")


def _dtype(name: str) -> np.dtype:
    try:
        return jnp.dtype(name)
    except TypeError:
        raise FnnError(f"unknown dtype {name!r}") from None
