"""An elementwise function as a layer."""

from __future__ import annotations

import jax

from fnn import activations
from fnn.activations import Elementwise
from fnn.layer import Example, Layer, Tree
from fnn.shapes import check_array, shape
from fnn.spec import part, set_fields, spec


@spec("activation.v1")
class Activation(Layer):
    """y = f(x) for every element; dx = f'(x) dy.

    `Activation("relu")` names a function with its defaults; `Activation(LeakyReLU(0.2))` sets them.
    """

    function: Elementwise = part()

    def __init__(self, function: Elementwise | str) -> None:
        set_fields(self, function=function)

    def out_shape(self, in_shape: Tree) -> Tree:
        check_array(self, in_shape)
        return in_shape

    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        check_array(self, x)
        y, tape = self.function.forward(x)
        return y, state, tape

    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
        return self.function.backward(tape, dy), {}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return tuple(
        Example(f"activation {function}", Activation(function), shape(5))
        for function in activations.examples()
    )
