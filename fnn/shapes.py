"""Shapes and dtypes, and their checks, as layers need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from fnn.spec import ShapeError

Axes: TypeAlias = tuple[int, ...]
DType: TypeAlias = np.dtype[Any]


class Shaped(Protocol):
    """An array, or the shape and dtype of one."""

    @property
    def shape(self) -> Axes: ...

    @property
    def dtype(self) -> DType: ...


def shape(*axes: int, dtype: DTypeLike = jnp.float32) -> jax.ShapeDtypeStruct:
    """The shape of one example, without the batch axis: `shape(784)`, `shape(28, 28, 1)`."""
    if min(axes, default=1) < 1:
        raise ShapeError(f"expected axes of length 1 or more, got {axes}")
    return jax.ShapeDtypeStruct(axes, dtype)


def shape_of(tree: Any) -> Any:
    """The shape of one example of a batch: every leaf without its first axis."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), tree)


def wide(dtype: DTypeLike) -> DType:
    """float32, or the dtype itself where that is wider: for parameters, statistics, losses."""
    return jnp.dtype(dtype) if jnp.finfo(dtype).bits > 32 else jnp.dtype(jnp.float32)


def trailing(owner: object, x: Shaped, ndim: int) -> Axes:
    """The last `ndim` axes of an input of floats, which are the features of `owner`."""
    check_array(owner, x)
    return split_axes(owner, x, ndim)[1]


def split_axes(owner: object, x: Shaped, ndim: int) -> tuple[Axes, Axes]:
    """The axes of one array of any dtype: those of the batch, and the last `ndim`."""
    check_one(owner, x)
    batch = len(x.shape) - ndim
    if batch < 0:
        raise ShapeError(f"{owner} needs {ndim} feature axes, got shape {x.shape}")
    return tuple(x.shape[:batch]), tuple(x.shape[batch:])


def check_features(owner: object, x: Shaped, features: Axes) -> None:
    """`x` ends in the feature axes that the parameters of `owner` were initialized for."""
    if features and split_axes(owner, x, len(features))[1] != features:
        expected = ", ".join(map(str, features))
        tail = " (a Flatten layer in front joins axes)" if len(x.shape) > 2 else ""
        raise ShapeError(f"{owner} expects inputs of shape (…, {expected}), got {x.shape}{tail}")


def leaf_shape(owner: object, params: object, name: str, ndim: int) -> Axes:
    """The shape of a parameter, which must be there and have that many axes."""
    axes = getattr(params.get(name), "shape", None) if isinstance(params, dict) else None
    if axes is None or len(axes) != ndim:
        got = jax.tree.structure(params) if axes is None else f"shape {axes}"
        raise ShapeError(f"{owner} needs a parameter {name!r} with {ndim} axes, got {got}")
    return tuple(axes)


def check_leaves(
    owner: object, leaves: object, expected: Mapping[str, Axes], what: str = "parameters"
) -> None:
    """Parameters or state are a dictionary of arrays of these shapes, and nothing else."""
    if not isinstance(leaves, dict) or not all(hasattr(leaf, "shape") for leaf in leaves.values()):
        got = jax.tree.structure(leaves)
        raise ShapeError(f"{owner} needs {what} of shapes {expected}, got {got}")
    shapes = {name: tuple(leaf.shape) for name, leaf in leaves.items()}
    if shapes != expected:
        raise ShapeError(f"{owner} needs {what} of shapes {expected}, got {shapes}")


def check_one(owner: object, x: object) -> None:
    """`x` is one array, not a pytree of several."""
    if not hasattr(x, "dtype") or not hasattr(x, "shape"):
        if all(isinstance(leaf, int) for leaf in jax.tree.leaves(x)):
            axes = ", ".join(map(str, jax.tree.leaves(x)))
            raise ShapeError(f"{owner} expects a shape: write fnn.shape({axes}), not {x}")
        raise ShapeError(f"{owner} takes one array, got {jax.tree.structure(x)}")


def check_array(owner: object, x: Shaped) -> None:
    """`x` is one array of floats, not a pytree of several and not integers."""
    check_one(owner, x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ShapeError(f"{owner} expects floating-point inputs, got {x.dtype}")


def align(features: jax.Array, like: jax.Array) -> jax.Array:
    """An array over feature axes with leading axes of length 1, to stand beside `like`."""
    return jnp.expand_dims(features, tuple(range(like.ndim - features.ndim)))


def leading(x: jax.Array, ndim: int = 1) -> Axes:
    """The axes before the last `ndim`: batch, members, time."""
    return tuple(range(x.ndim - ndim))
