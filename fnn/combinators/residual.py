"""A layer and a way around it."""

from __future__ import annotations

import jax

from fnn.combinators.serial import Serial
from fnn.combinators.trees import add, check_same
from fnn.layer import Child, Example, Layer, Tree, fold
from fnn.layers import Activation, Dense
from fnn.shapes import shape
from fnn.spec import error_path, part, spec


@spec("residual.v1")
class Residual(Layer):
    """y = shortcut(x) + inner(x), the shortcut being x itself unless a layer is given.

    dx = dx of the shortcut + dx of the inner layer. He et al. 2016. `inner` must keep the shape
    (`ShapeError`), or the shortcut must make the same one, e.g. `Dense(units, bias_init=None)`.
    """

    inner: Layer = part()
    shortcut: Layer | None = part(default=None)

    def out_shape(self, in_shape: Tree) -> Tree:
        with error_path("inner"):
            inner = self.inner.out_shape(in_shape)
        with error_path("shortcut"):
            shortcut = in_shape if self.shortcut is None else self.shortcut.out_shape(in_shape)
        check_same(self, "its shortcut gives", shortcut, "its inner layer", inner)
        return inner

    def init(self, key: jax.Array | None, in_shape: Tree) -> tuple[Tree, Tree]:
        self.out_shape(in_shape)
        params, states = {}, {}
        for index, child in enumerate(self.children(in_shape)):
            with error_path(child.path):
                made = child.layer.init(fold(key, index), in_shape)
            params[child.path], states[child.path] = made
        return params, states

    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        outputs, states, tapes = {"shortcut": x}, {}, {}
        for index, child in enumerate(self.children(None)):
            name = child.path
            with error_path(name):
                outputs[name], states[name], tapes[name] = child.layer.forward(
                    params[name], state[name], x, train=train, key=fold(key, index)
                )
        y, around = outputs["inner"], outputs["shortcut"]
        check_same(self, "its shortcut gives", around, "its inner layer", y)
        return add(around, y), states, tapes

    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
        inputs, grads = {"shortcut": dy}, {}
        for child in self.children(None):
            name = child.path
            inputs[name], grads[name] = child.layer.backward(params[name], tape[name], dy)
        return add(inputs["shortcut"], inputs["inner"]), grads

    def children(self, in_shape: Tree) -> tuple[Child, ...]:
        inner = Child("inner", self.inner, in_shape)
        if self.shortcut is None:
            return (inner,)
        return inner, Child("shortcut", self.shortcut, in_shape)


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("residual", Residual(Serial(Dense(5), Activation("tanh"))), shape(5)),
        Example(
            "residual with a shortcut",
            Residual(Serial(Dense(3), Activation("silu")), Dense(3, bias_init=None)),
            shape(5),
        ),
    )
