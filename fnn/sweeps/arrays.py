"""Arrays and pytrees in .npz files that are never half-written."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from fnn.data.sources.whole_files import DAMAGE
from fnn.files import read_bytes, write_bytes
from fnn.host import fetch
from fnn.layer import PyTree
from fnn.spec import FnnError

Arrays = Mapping[str, np.ndarray]
DAMAGED = "damaged: delete it, and what it holds is trained again"


def write(path: Path, arrays: Mapping[str, ArrayLike | Sequence[float]]) -> None:
    """Write arrays by name, whole or not at all. Raises `FnnError` with the path."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file. Raises `FnnError` with the path where it is damaged."""
    try:
        with np.load(io.BytesIO(read_bytes(path, None)), allow_pickle=False) as file:
            return dict(file)
    except FnnError:
        raise
    except DAMAGE:
        raise FnnError(DAMAGED, str(path)) from None


def entry(arrays: Arrays, name: str, path: Path) -> np.ndarray:
    """An array by name. Raises `FnnError` with the path where there is none."""
    if name not in arrays:
        raise FnnError(f"{DAMAGED} (the array {name!r} is missing)", str(path))
    return arrays[name]


def under(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays whose names start with `prefix/`, by the rest of the name."""
    start = prefix + "/"
    return {name[len(start) :]: leaf for name, leaf in arrays.items() if name.startswith(start)}


def numbered(prefix: str, tree: PyTree) -> dict[str, np.ndarray]:
    """A pytree's leaves as `prefix/0`, `prefix/1`, … on the host; random keys as their bits."""
    leaves = [
        jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in jax.tree.leaves(tree)
    ]
    return {f"{prefix}/{index}": leaf for index, leaf in enumerate(fetch(leaves))}


def restored(prefix: str, arrays: Arrays, like: PyTree, path: Path) -> PyTree:
    """The pytree that `numbered` took apart, in the shapes and dtypes of `like`."""
    leaves = []
    for index, wanted in enumerate(jax.tree.leaves(like)):
        leaf = entry(arrays, f"{prefix}/{index}", path)
        if _is_key(wanted):
            leaf = jax.random.wrap_key_data(jnp.asarray(leaf))
        if (leaf.shape, leaf.dtype) != (wanted.shape, wanted.dtype):
            raise FnnError(
                f"{DAMAGED} (expected {prefix}/{index} to be {wanted.dtype}{list(wanted.shape)}, "
                f"got {leaf.dtype}{list(leaf.shape)})",
                str(path),
            )
        leaves.append(leaf)
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _is_key(leaf: jax.Array | jax.ShapeDtypeStruct) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def digest(parts: Iterable[bytes | memoryview]) -> str:
    """The SHA-256 of bytes that come in parts, in hexadecimal."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest()


def contents(leaf: ArrayLike) -> memoryview:
    """The bytes of an array."""
    return np.ascontiguousarray(leaf).data
