"""The same layer many times, as one scan."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.combinators.residual import Residual
from fnn.combinators.serial import Serial
from fnn.combinators.trees import check_same, check_stacked
from fnn.layer import (
    Child,
    Example,
    Forward,
    Grads,
    Key,
    Layer,
    Params,
    PyTree,
    State,
    Tape,
    fold,
    require_key,
)
from fnn.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from fnn.shapes import shape
from fnn.spec import error_path, part, spec, static


@spec("repeat.v1")
class Repeat(Layer):
    """y = inner(… inner(x)), `times` times, compiled once whatever the depth.

    Parameters carry a leading axis of length `times`; `tied=True` shares one set among all and
    sums their gradients. State is stacked either way: each depth sees statistics of its own.
    Application i draws from `fold_in(key, i)`. `inner` must keep the shape (`ShapeError`).
    """

    inner: Layer = part()
    times: int = static(low=1)
    tied: bool = static(default=False)

    def check_forward(self, params: Params, state: State, x: PyTree, train: bool) -> None:
        check_stacked(self, self.times, None if self.tied else params, state)

    def out_shape(self, in_shape: PyTree) -> PyTree:
        with error_path("inner"):
            inner = self.inner.out_shape(in_shape)
        check_same(self, "it is given", in_shape, "its inner layer gives back", inner)
        return in_shape

    def init(self, key: Key, in_shape: PyTree) -> tuple[Params, State]:
        self.out_shape(in_shape)
        keys = jax.random.split(require_key(self, key), self.times)
        with error_path("inner"):
            params, state = jax.vmap(lambda key: self.inner.init(key, in_shape))(keys)
        if self.tied:
            params = jax.tree.map(lambda leaf: leaf[0], params)
        return {"inner": params}, {"inner": state}

    def forward(self, params: Params, state: State, x: PyTree, *, train: bool, key: Key) -> Forward:
        def once(x: PyTree, layer: PyTree) -> tuple[PyTree, PyTree]:
            index, own, s = layer
            p = params["inner"] if self.tied else own
            with error_path("inner"):
                y, s, tape = self.inner.forward(p, s, x, train=train, key=fold(key, index))
            check_same(self, "it is given", x, "its inner layer gives back", y)
            return y, (s, tape)

        layers = (jnp.arange(self.times), self._stacked(params), state["inner"])
        y, (state, tapes) = jax.lax.scan(once, x, layers)
        return y, {"inner": state}, tapes

    def backward(self, params: Params, tape: Tape, dy: PyTree) -> tuple[PyTree, Grads]:
        def once(dy: PyTree, layer: PyTree) -> tuple[PyTree, PyTree]:
            own, t = layer
            return self.inner.backward(params["inner"] if self.tied else own, t, dy)

        layers = (self._stacked(params), tape)
        dx, grads = jax.lax.scan(once, dy, layers, length=self.times, reverse=True)
        if self.tied:
            grads = jax.tree.map(lambda leaf: leaf.sum(0), grads)
        return dx, {"inner": grads}

    def children(self, in_shape: PyTree) -> tuple[Child, ...]:
        return (Child("inner", self.inner, in_shape, self.times),)

    def _stacked(self, params: Params) -> PyTree:
        return None if self.tied else params["inner"]


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    block = Serial(Dense(5), Activation("tanh"))
    nested = Repeat(Repeat(Serial(Dense(5), Activation("sigmoid")), 2), 2, tied=True)
    deep = Repeat(Residual(Serial(LayerNorm(), Dense(5), Activation("gelu"), Dropout(0.2))), 3)
    return (
        Example("repeat", Repeat(block, 3), shape(5)),
        Example("repeat tied", Repeat(block, 3, tied=True), shape(5)),
        Example("repeat of repeat", nested, shape(5)),
        Example(
            "repeat with state",
            Repeat(Serial(Dense(5), BatchNorm()), 2),
            shape(5),
            per_example=False,
        ),
        Example("deep", deep, shape(5), per_example=False),
        Example("deep in evaluation", deep, shape(5), train=False),
    )
