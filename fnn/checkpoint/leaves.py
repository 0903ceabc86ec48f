"""A pytree's leaves as named arrays, and the pytree again: matched by path, never by position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from fnn.host import fetch
from fnn.spec import FnnError, named_leaves

T = TypeVar("T")
Arrays = Mapping[str, np.ndarray]
ZEROS = {"f": 0.0, "i": 0, "c": 0j}
"""by kind of dtype: arrays full of Python's numbers are weakly typed"""


def to_arrays(tree: object) -> dict[str, np.ndarray]:
    """The leaves on the host by their path, such as `params.layers[0].weight`.

    A typed random key is there as its bits. Raises `FnnError` where two leaves have one path, as
    under dictionary keys that hold dots.
    """
    named = named_leaves(tree)
    if len(named) != len(jax.tree.leaves(tree)):
        raise FnnError("two leaves of this pytree have the same path")
    bits = {
        path: jax.random.key_data(leaf) if _is_key(leaf) else leaf for path, leaf in named.items()
    }
    return {path: np.asarray(leaf) for path, leaf in fetch(bits).items()}


def from_arrays(
    arrays: Arrays, like: T, prefix: str = "", *, any_precision: bool = False, on_host: bool = False
) -> T:
    """The pytree that `to_arrays` took apart, on the device: in the structure of `like`.

    like: the pytree, or its shapes (`jax.eval_shape`); of a leaf its shape, dtype, weak type and
        kind of key are used.
    prefix: before every path in `arrays`, where other arrays are beside them.
    on_host: as NumPy arrays that may be written to; random keys are on the device all the same.

    Raises `FnnError` for a path that is missing or not of this pytree, and for another shape or
    dtype, with the path.
    """
    expected = {prefix + path: leaf for path, leaf in named_leaves(like).items()}
    stored = {path: leaf for path, leaf in arrays.items() if path.startswith(prefix)}
    check_leaves(expected, stored, any_precision=any_precision)
    leaves = [_restored(stored[path], leaf, on_host) for path, leaf in expected.items()]
    restored: T = jax.tree.unflatten(jax.tree.structure(like), leaves)
    return restored


def check_leaves(
    expected: Mapping[str, Any], arrays: Mapping[str, Any], *, any_precision: bool = False
) -> None:
    """The same paths on both sides, and the same shapes and dtypes.

    With `any_precision` floats may be of any number of bits. Raises `FnnError` with what differs.
    """
    for message, paths in (
        ("missing", expected.keys() - arrays.keys()),
        ("not of this network", arrays.keys() - expected.keys()),
    ):
        if paths:
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            raise FnnError(f"{message}: {', '.join(sorted(paths)[:3])}{more}")
    for path, leaf in expected.items():
        (shape, dtype), got = _stored(leaf), arrays[path]
        if tuple(got.shape) != shape:
            raise FnnError(f"{path}: expected the shape {shape}, got {tuple(got.shape)}")
        both_float = all(jnp.issubdtype(kind, jnp.floating) for kind in (got.dtype, dtype))
        if got.dtype != dtype and not (any_precision and both_float):
            raise FnnError(f"{path}: expected {dtype}, got {got.dtype}")


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _stored(leaf: Any) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and dtype of a leaf's array in a file."""
    if _is_key(leaf):
        bits = jax.eval_shape(jax.random.key_data, leaf)
        return tuple(bits.shape), bits.dtype
    return tuple(leaf.shape), leaf.dtype


def _restored(array: np.ndarray, like: Any, on_host: bool) -> jax.Array | np.ndarray:
    if _is_key(like):
        impl = jax.random.key_impl(like) if isinstance(like, jax.Array) else None
        return jax.random.wrap_key_data(jax.device_put(array), impl=impl)
    if on_host:
        return array.copy()
    leaf = jax.device_put(array)
    if getattr(like, "weak_type", False):  # or the state would be one of another program
        return jnp.full(array.shape, ZEROS[array.dtype.kind]).at[...].set(leaf)
    return leaf
