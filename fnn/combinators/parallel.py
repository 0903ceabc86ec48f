"""Branches that share an input."""

from __future__ import annotations

import functools
import itertools
from typing import Literal

import jax
import jax.numpy as jnp

from fnn.combinators.serial import Serial
from fnn.combinators.trees import add, check_children, check_same
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
    Static,
    Tape,
    fold,
)
from fnn.layers import Activation, Dense
from fnn.shapes import shape, trailing
from fnn.spec import ShapeError, SpecError, error_path, part, set_fields, spec, static


@spec("parallel.v1")
class Parallel(Layer):
    """y = Σ fᵢ(x), or the fᵢ(x) side by side along the last axis with `join="concatenate"`.

    The input's cotangent is the sum of the branches' own. Branch i draws from `fold_in(key, i)`.
    Raises `ShapeError` where the branches' outputs don't fit together.
    """

    branches: tuple[Layer, ...] = part()
    join: Literal["sum", "concatenate"] = static(default="sum")

    def __init__(self, *branches: Layer, join: Literal["sum", "concatenate"] = "sum") -> None:
        set_fields(self, branches=branches, join=join)

    def check(self) -> None:
        if not self.branches:
            raise SpecError("Parallel needs at least one branch")

    def check_forward(self, params: Params, state: State, x: PyTree, train: bool) -> None:
        check_children(self, "branches", len(self.branches), params, state)

    def out_shape(self, in_shape: PyTree) -> PyTree:
        shapes = []
        for child in self.children(in_shape):
            with error_path(child.path):
                shapes.append(child.layer.out_shape(in_shape))
        return self._joined(shapes)

    def init(self, key: Key, in_shape: PyTree) -> tuple[Params, State]:
        self.out_shape(in_shape)
        initial = []
        for index, child in enumerate(self.children(in_shape)):
            with error_path(child.path):
                initial.append(child.layer.init(fold(key, index), in_shape))
        params, states = zip(*initial, strict=True)
        return {"branches": params}, {"branches": states}

    def forward(self, params: Params, state: State, x: PyTree, *, train: bool, key: Key) -> Forward:
        outputs, states, tapes = [], [], []
        for index, (layer, p, s) in enumerate(
            zip(self.branches, params["branches"], state["branches"], strict=True)
        ):
            with error_path(f"branches[{index}]"):
                y, s, tape = layer.forward(p, s, x, train=train, key=fold(key, index))
            outputs.append(y)
            states.append(s)
            tapes.append(tape)
        self._joined(outputs)
        if self.join == "sum":
            y, widths = functools.reduce(add, outputs), ()
        else:
            y, widths = jnp.concatenate(outputs, -1), tuple(y.shape[-1] for y in outputs)
        return y, {"branches": tuple(states)}, (tuple(tapes), Static(widths))

    def backward(self, params: Params, tape: Tape, dy: PyTree) -> tuple[PyTree, Grads]:
        tapes, widths = tape
        cotangents = [dy] * len(self.branches)
        if self.join == "concatenate":
            stops = list(itertools.accumulate(widths.value))[:-1]
            cotangents = jnp.split(dy, stops, axis=-1)
        pieces = zip(self.branches, params["branches"], tapes, cotangents, strict=True)
        inputs, grads = zip(*(layer.backward(*rest) for layer, *rest in pieces), strict=True)
        return functools.reduce(add, inputs), {"branches": grads}

    def children(self, in_shape: PyTree) -> tuple[Child, ...]:
        return tuple(
            Child(f"branches[{index}]", layer, in_shape)
            for index, layer in enumerate(self.branches)
        )

    def _joined(self, shapes: list[PyTree]) -> PyTree:
        first = shapes[0]
        for index, other in enumerate(shapes[1:], start=1):
            if self.join == "sum":
                check_same(self, "branches[0] gives", first, f"branches[{index}]", other)
            elif trailing(self, first, 1) and other.shape[:-1] != first.shape[:-1]:
                raise ShapeError(
                    f"{self} joins along the last axis, but branches[0] gives shape {first.shape}"
                    f" and branches[{index}] {other.shape}"
                )
        if self.join == "sum":
            return first
        width = sum(shape.shape[-1] for shape in shapes)
        return jax.ShapeDtypeStruct((*first.shape[:-1], width), first.dtype)


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example(
            "parallel sum",
            Parallel(Dense(4), Serial(Dense(4), Activation("elu")), Dense(4)),
            shape(5),
        ),
        Example(
            "parallel side by side",
            Parallel(Dense(2), Activation("relu"), Dense(3), join="concatenate"),
            shape(5),
        ),
    )
