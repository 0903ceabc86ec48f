"""Shapes and dtypes that every layer asks about."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn.spec import ShapeError


def shape(*axes: int, dtype: Any = jnp.float32) -> jax.ShapeDtypeStruct:
    """The shape of one example, without the batch axis: `shape(784)`, `shape(28, 28, 1)`."""
    if min(axes, default=1) < 1:
        raise ShapeError(f"expected axes of length 1 or more, got {axes}")
    return jax.ShapeDtypeStruct(axes, dtype)


def shape_of(tree: Any) -> Any:
    """The shape of one example of a batch: every leaf without its first axis."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), tree)


def wide(dtype: Any) -> Any:
    """float32, or the dtype itself where that is wider: for parameters, statistics, losses."""
    return dtype if jnp.finfo(dtype).bits > 32 else jnp.dtype(jnp.float32)


def trailing(owner: Any, in_shape: Any, ndim: int) -> tuple[int, ...]:
    """The last `ndim` axes of an input, which are the features of `owner`."""
    check_array(owner, in_shape)
    return split_axes(owner, in_shape, ndim)[1]


def split_axes(owner: Any, x: Any, ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of one array of any dtype: those of the batch, and the last `ndim`."""
    check_one(owner, x)
    kept = len(x.shape) - ndim
    if kept < 0:
        raise ShapeError(f"{owner} needs {ndim} feature axes, got shape {x.shape}")
    return tuple(x.shape[:kept]), tuple(x.shape[kept:])


def check_features(owner: Any, x: Any, features: tuple[int, ...]) -> None:
    """`x` ends in the feature axes that the parameters of `owner` were made for."""
    if trailing(owner, x, len(features)) != features:
        wanted = ", ".join(map(str, features))
        tail = " (a Flatten layer in front joins axes)" if len(x.shape) > 2 else ""
        raise ShapeError(f"{owner} expects inputs of shape (…, {wanted}), got {x.shape}{tail}")


def leaf_shape(owner: Any, params: Any, name: str, ndim: int) -> tuple[int, ...]:
    """The shape of a parameter, which must be there and have that many axes."""
    found = getattr(params.get(name), "shape", None) if isinstance(params, dict) else None
    if found is None or len(found) != ndim:
        got = jax.tree.structure(params) if found is None else f"shape {found}"
        raise ShapeError(f"{owner} needs a parameter {name!r} with {ndim} axes, got {got}")
    return tuple(found)


def check_leaves(
    owner: Any, given: Any, wanted: dict[str, tuple[int, ...]], what: str = "parameters"
) -> None:
    """Parameters or state are a dictionary of arrays of these shapes, and nothing else."""
    found = {name: tuple(leaf.shape) for name, leaf in given.items()}
    if found != wanted:
        raise ShapeError(f"{owner} needs {what} of shapes {wanted}, got {found}")


def check_one(owner: Any, x: Any) -> None:
    """`x` is one array, not a pytree of several."""
    if not hasattr(x, "dtype") or not hasattr(x, "shape"):
        if all(isinstance(leaf, int) for leaf in jax.tree.leaves(x)):
            axes = ", ".join(map(str, jax.tree.leaves(x)))
            raise ShapeError(f"{owner} expects a shape: write fnn.shape({axes}), not {x}")
        raise ShapeError(f"{owner} takes one array, got {jax.tree.structure(x)}")


def check_array(owner: Any, x: Any) -> None:
    """`x` is one array of floats, not a pytree of several and not integers."""
    check_one(owner, x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ShapeError(f"{owner} expects floating-point inputs, got {x.dtype}")


def align(features: jax.Array, like: jax.Array) -> jax.Array:
    """An array over feature axes with leading axes of length 1, to stand beside `like`."""
    return jnp.expand_dims(features, tuple(range(like.ndim - features.ndim)))


def leading(x: jax.Array, ndim: int = 1) -> tuple[int, ...]:
    """The axes before the last `ndim`: batch, members, time."""
    return tuple(range(x.ndim - ndim))
