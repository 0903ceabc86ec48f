"""Named arrays as the bytes of a safetensors file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from fnn.spec import FnnError, choice

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


def to_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Named arrays as a safetensors file.

    The library writes the memory of an array whatever its strides: it is made contiguous first.
    """
    contiguous = {path: np.asarray(leaf, order="C") for path, leaf in arrays.items()}
    return safetensors.numpy.save(contiguous)


def from_bytes(data: bytes, path: str | Path) -> dict[str, np.ndarray]:
    """The named arrays of a safetensors file; safetensors' own reader knows no bfloat16.

    Raises `FnnError` with the path for a damaged file, and for a dtype that safetensors knows and
    JAX does not.
    """
    try:
        views = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        raise FnnError(f"not a safetensors file, or a damaged one: {error}", str(path)) from None
    return {name: _array(name, view, path) for name, view in views}


def _array(name: str, view: Mapping[str, Any], path: str | Path) -> np.ndarray:
    if view["dtype"] not in DTYPES:
        raise FnnError(f"{name} is of {view['dtype']}{choice(view['dtype'], DTYPES)}", str(path))
    return np.frombuffer(view["data"], jnp.dtype(DTYPES[view["dtype"]])).reshape(view["shape"])


def check_storable(arrays: Mapping[str, Any]) -> None:
    """Raises `FnnError` for a dtype that `from_bytes` does not read, with the array's name."""
    for path, leaf in arrays.items():
        if leaf.dtype.name not in DTYPES.values():
            raise FnnError(f"a safetensors file can't hold an array of {leaf.dtype}", path)


def check_dtypes(arrays: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Raises `FnnError` for arrays that JAX can't hold now: of 64 bits without its x64 mode."""
    for name, leaf in arrays.items():
        if leaf.dtype != jax.dtypes.canonicalize_dtype(leaf.dtype):
            needs = "which needs jax.config.update('jax_enable_x64', True)"
            raise FnnError(f"{name} is {leaf.dtype}, {needs}", str(path))
