"""Several feature axes joined into one."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.layer import Layer, Static, Tree
from fnn.shapes import check_one
from fnn.spec import ShapeError, spec, static


@spec("flatten.v1")
class Flatten(Layer):
    """The last `ndim` axes as one: (…, 28, 28) becomes (…, 784) with `ndim=2`.

    Keras and PyTorch flatten everything but the batch axis; here the features are counted, so that
    a single example, a batch, and a batch of sequences all work. Integer inputs pass (dx is None).
    """

    ndim: int = static(low=1)

    def out_shape(self, in_shape: Tree) -> Tree:
        return jax.ShapeDtypeStruct(self._joined(in_shape), in_shape.dtype)

    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        joined = self._joined(x)
        floating = jnp.issubdtype(x.dtype, jnp.floating)
        features = x.shape[len(x.shape) - self.ndim :]
        return x.reshape(joined), state, Static(features if floating else None)

    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
        features = tape.value
        return (None if features is None else dy.reshape(dy.shape[:-1] + features)), {}

    def _joined(self, x: Tree) -> tuple[int, ...]:
        check_one(self, x)
        if len(x.shape) < self.ndim:
            raise ShapeError(f"{self} needs {self.ndim} feature axes, got shape {x.shape}")
        kept = len(x.shape) - self.ndim
        return (*x.shape[:kept], math.prod(x.shape[kept:]))
