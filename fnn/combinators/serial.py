"""One layer after another."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.combinators.trees import check_children
from fnn.layer import Child, Example, Forward, Grads, Key, Layer, Params, PyTree, State, Tape, fold
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Embedding, Flatten
from fnn.shapes import shape
from fnn.spec import error_path, part, set_fields, spec


@spec("serial.v1")
class Serial(Layer):
    """y = fₙ(… f₂(f₁(x))): `Serial(Dense(128), Activation("relu"), Dense(10))`.

    Parameters and state mirror the spec: those of `layers[2]` are `params["layers"][2]`.
    Layer i draws from `fold_in(key, i)`.
    """

    layers: tuple[Layer, ...] = part()

    def __init__(self, *layers: Layer) -> None:
        set_fields(self, layers=layers)

    def check_forward(self, params: Params, state: State, x: PyTree, train: bool) -> None:
        check_children(self, "layers", len(self.layers), params, state)

    def out_shape(self, in_shape: PyTree) -> PyTree:
        for index, layer in enumerate(self.layers):
            with error_path(f"layers[{index}]"):
                in_shape = layer.out_shape(in_shape)
        return in_shape

    def init(self, key: Key, in_shape: PyTree) -> tuple[Params, State]:
        params, states = [], []
        for index, child in enumerate(self.children(in_shape)):
            with error_path(child.path):
                p, s = child.layer.init(fold(key, index), child.in_shape)
            params.append(p)
            states.append(s)
        return {"layers": tuple(params)}, {"layers": tuple(states)}

    def forward(self, params: Params, state: State, x: PyTree, *, train: bool, key: Key) -> Forward:
        states, tapes = [], []
        for index, (layer, p, s) in enumerate(
            zip(self.layers, params["layers"], state["layers"], strict=True)
        ):
            with error_path(f"layers[{index}]"):
                x, s, tape = layer.forward(p, s, x, train=train, key=fold(key, index))
            states.append(s)
            tapes.append(tape)
        return x, {"layers": tuple(states)}, tuple(tapes)

    def backward(self, params: Params, tape: Tape, dy: PyTree) -> tuple[PyTree, Grads]:
        grads = []
        for layer, p, t in reversed(list(zip(self.layers, params["layers"], tape, strict=True))):
            dy, grad = layer.backward(p, t, dy)
            grads.append(grad)
        return dy, {"layers": tuple(reversed(grads))}

    def children(self, in_shape: PyTree) -> tuple[Child, ...]:
        children = []
        for index, layer in enumerate(self.layers):
            children.append(Child(f"layers[{index}]", layer, in_shape))
            with error_path(f"layers[{index}]"):
                in_shape = layer.out_shape(in_shape)
        return tuple(children)


def with_state() -> Serial:
    """A network with running statistics and random masks."""
    return Serial(Dense(4), BatchNorm(), Activation("tanh"), Dropout(0.3), Dense(3))


def with_integers() -> Serial:
    """A network that takes class numbers."""
    return Serial(Embedding(4, 3), Flatten(2))


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("serial", Serial(Dense(4), Activation("tanh"), Dense(3)), shape(5)),
        Example("serial of nothing", Serial(), shape(5)),
        Example("serial with batch norm", with_state(), shape(5), per_example=False),
        Example("serial with batch norm in evaluation", with_state(), shape(5), train=False),
        Example("integers", with_integers(), shape(5, dtype=jnp.int32)),
    )
