"""Several feature axes joined into one."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Static, Tape
from fnn.shapes import Shaped, shape, split_axes
from fnn.spec import spec, static


@spec("flatten.v1")
class Flatten(Layer):
    """The last `ndim` axes as one: (…, 28, 28) becomes (…, 784) with `ndim=2`.

    Keras and PyTorch flatten everything but the batch axis; here the features are counted, so that
    a single example, a batch, and a batch of sequences all work. Integer inputs pass (dx is None).
    """

    ndim: int = static(low=1)

    def check_input(self, x: Shaped) -> None:
        split_axes(self, x, self.ndim)

    def out_shape(self, in_shape: Shaped) -> jax.ShapeDtypeStruct:
        batch, features = split_axes(self, in_shape, self.ndim)
        return jax.ShapeDtypeStruct((*batch, math.prod(features)), in_shape.dtype)

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        batch, features = split_axes(self, x, self.ndim)
        floating = jnp.issubdtype(x.dtype, jnp.floating)
        y = x.reshape(*batch, math.prod(features))
        return y, state, Static(features if floating else None)

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array | None, Grads]:
        features = tape.value
        return (None if features is None else dy.reshape(dy.shape[:-1] + features)), {}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("flatten", Flatten(2), shape(3, 5)),
        Example("flatten of one axis", Flatten(1), shape(3, 5)),
    )
