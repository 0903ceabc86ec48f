"""Parameters and state as named arrays, and named arrays as the bytes of a safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from fnn.layer import PyTree
from fnn.objective import Objective
from fnn.spec import FnnError, choice, named_leaves

DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
}
"""what safetensors calls them, and what JAX does"""


def declared(objective: Objective, in_shape: PyTree) -> dict[str, PyTree]:
    """The shapes of `params` and `state` that `objective.init` would make; nothing is computed."""

    def init() -> dict[str, PyTree]:
        params, state = objective.init(jax.random.key(0), in_shape)
        return {"params": params, "state": state}

    return jax.eval_shape(init)


def named_arrays(
    objective: Objective, in_shape: PyTree, trees: dict[str, PyTree]
) -> dict[str, Any]:
    """The arrays of `trees` by path. Raises `FnnError` where they are not the objective's."""
    arrays = named_leaves(trees)
    if len(arrays) != len(jax.tree.leaves(trees)):
        raise FnnError("two arrays of these parameters have the same path")
    check_shapes(named_leaves(declared(objective, in_shape)), arrays)
    for path, leaf in arrays.items():
        if leaf.dtype.name not in DTYPES.values():
            raise FnnError(f"a safetensors file can't hold an array of {leaf.dtype}", path)
    return arrays


def to_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Named arrays as a safetensors file."""
    contiguous = {path: np.asarray(leaf, order="C") for path, leaf in arrays.items()}
    return safetensors.numpy.save(contiguous)


def from_bytes(data: bytes, path: str | Path) -> dict[str, np.ndarray]:
    """The named arrays of a safetensors file; safetensors' own reader knows no bfloat16.

    Raises `FnnError` with the path for a damaged file and for dtypes that JAX can't hold now.
    """
    try:
        views = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        raise FnnError(f"not a safetensors file, or a damaged one: {error}", str(path)) from None
    return {name: _array(name, view, path) for name, view in views}


def _array(name: str, view: Mapping[str, Any], path: str | Path) -> np.ndarray:
    if view["dtype"] not in DTYPES:
        raise FnnError(f"{name} is of {view['dtype']}{choice(view['dtype'], DTYPES)}", str(path))
    dtype = jnp.dtype(DTYPES[view["dtype"]])
    if dtype != jax.dtypes.canonicalize_dtype(dtype):
        message = f"{name} is {dtype}, which needs jax.config.update('jax_enable_x64', True)"
        raise FnnError(message, str(path))
    return np.frombuffer(view["data"], dtype).reshape(view["shape"])


def check_shapes(expected: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """The same paths on both sides, the same shapes, and dtypes of one kind.

    Floats may be of another width than those that `init` makes (a network kept in bfloat16); whole
    numbers and bools are exactly as `init` makes them. Raises `FnnError` with what differs.
    """
    for message, paths in (
        ("missing", expected.keys() - arrays.keys()),
        ("not of this network", arrays.keys() - expected.keys()),
    ):
        if paths:
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            raise FnnError(f"{message}: {', '.join(sorted(paths)[:3])}{more}")
    for path, leaf in expected.items():
        if tuple(arrays[path].shape) != tuple(leaf.shape):
            shapes = f"{tuple(leaf.shape)}, got {tuple(arrays[path].shape)}"
            raise FnnError(f"{path}: expected the shape {shapes}")
        if not _same_kind(leaf.dtype, arrays[path].dtype):
            raise FnnError(f"{path}: expected {leaf.dtype}, got {arrays[path].dtype}")


def _same_kind(expected: np.dtype, dtype: np.dtype) -> bool:
    if jnp.issubdtype(expected, jnp.floating):
        return bool(jnp.issubdtype(dtype, jnp.floating))
    return expected == dtype


def described(arrays: Mapping[str, Any]) -> dict[str, str]:
    """Arrays by path as a record holds them: `float32[64, 128]`."""
    return {path: f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in arrays.items()}


def check_described(recorded: Mapping[str, object], arrays: Mapping[str, Any]) -> None:
    """Raises `FnnError` where arrays are not those of a record's `described`, with the first."""
    for path, text in described(arrays).items():
        if recorded.get(path) != text:
            raise FnnError(f"{path}: expected {recorded.get(path, 'no such array')}, got {text}")
