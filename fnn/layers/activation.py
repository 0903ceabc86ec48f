"""An elementwise function as a layer."""

from __future__ import annotations

from fnn import activations
from fnn.activations import Elementwise
from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Tape
from fnn.shapes import Shaped, check_array, shape
from fnn.spec import part, set_fields, spec


@spec("activation.v1")
class Activation(Layer):
    """y = f(x) for every element; dx = f'(x) dy.

    `Activation("relu")` names a function with its defaults; `Activation(LeakyReLU(0.2))` sets them.
    """

    function: Elementwise = part()

    def __init__(self, function: Elementwise | str) -> None:
        set_fields(self, function=function)

    def check_input(self, x: Shaped) -> None:
        check_array(self, x)

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        y, tape = self.function.forward(x)
        return y, state, tape

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        return self.function.backward(tape, dy), {}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return tuple(
        Example(f"activation {function}", Activation(function), shape(5))
        for function in activations.examples()
    )
