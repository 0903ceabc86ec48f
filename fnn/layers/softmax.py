"""Scores turned into probabilities."""

from __future__ import annotations

import jax

from fnn.layer import Example, Layer, Tree
from fnn.shapes import shape, trailing, wide
from fnn.spec import spec


@spec("softmax.v1")
class Softmax(Layer):
    """y = eˣ / Σ eˣ over the last axis, each row shifted by its own maximum.

    dx = y (dy − Σ dy y). Computed in float32 or wider. Losses take logits: a network ends in
    Softmax only for comparison with programs that print one.
    """

    def out_shape(self, in_shape: Tree) -> Tree:
        trailing(self, in_shape, 1)
        return in_shape

    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        trailing(self, x, 1)
        y = jax.nn.softmax(x.astype(wide(x.dtype)))
        return y.astype(x.dtype), state, y

    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
        y, given = tape, dy.dtype
        dy = dy.astype(y.dtype)
        return (y * (dy - (dy * y).sum(-1, keepdims=True))).astype(given), {}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (Example("softmax", Softmax(), shape(5)),)
