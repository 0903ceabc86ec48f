"""Scores turned into probabilities."""

from __future__ import annotations

from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Tape
from fnn.ops import softmax, softmax_backward
from fnn.shapes import Shaped, shape, trailing, wide
from fnn.spec import spec


@spec("softmax.v1")
class Softmax(Layer):
    """y = eˣ / Σ eˣ over the last axis, each row shifted by its own maximum.

    dx = y (dy − Σ dy y). Computed in float32 or wider. Losses take logits: a network ends in
    Softmax only for comparison with programs that print one.
    """

    def check_input(self, x: Shaped) -> None:
        trailing(self, x, 1)

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        y = softmax(x.astype(wide(x.dtype)))
        return y.astype(x.dtype), state, y

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        return softmax_backward(tape, dy.astype(tape.dtype)).astype(dy.dtype), {}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (Example("softmax", Softmax(), shape(5)),)
