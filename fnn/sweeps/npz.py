"""Sweeps of fnn 0.2.0: arrays in .npz files, the leaves of a pytree numbered by position."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from fnn.data.sources.whole_files import DAMAGE
from fnn.files import read_bytes
from fnn.spec import FnnError

T = TypeVar("T")


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file. Raises `FnnError` with the path where it is damaged."""
    try:
        with np.load(io.BytesIO(read_bytes(path, None)), allow_pickle=False) as file:
            return dict(file)
    except FnnError:
        raise
    except DAMAGE:
        raise FnnError("damaged", str(path)) from None


def from_numbered(arrays: Mapping[str, np.ndarray], like: T, prefix: str) -> T:
    """The pytree whose leaves are `prefix` and 0, 1, …, in the shapes and dtypes of `like`.

    Raises `FnnError` for a leaf that is missing, or of another shape or dtype.
    """
    leaves = []
    for index, wanted in enumerate(jax.tree.leaves(like)):
        name = f"{prefix}{index}"
        if name not in arrays:
            raise FnnError(f"missing: {name}")
        leaf = arrays[name]
        if jnp.issubdtype(wanted.dtype, jax.dtypes.prng_key):
            leaf = jax.random.wrap_key_data(jnp.asarray(leaf))
        if (leaf.shape, leaf.dtype) != (wanted.shape, wanted.dtype):
            expected, got = (f"{one.dtype}{list(one.shape)}" for one in (wanted, leaf))
            raise FnnError(f"{name}: expected {expected}, got {got}")
        leaves.append(leaf)
    restored: T = jax.tree.unflatten(jax.tree.structure(like), leaves)
    return restored
