"""Networks that nobody thought of: drawn by hypothesis, nested up to three deep."""

from __future__ import annotations

import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.layer import Layer
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm, Softmax
from fnn.shapes import shape
from fnn.spec import from_json, named_leaves, numbers, to_json
from tests.agreement import worst
from tests.cases import FUNCTIONS, KEY, ROWS, random_like

EXAMPLES = 15
DEPTH = 3
UNITS = st.integers(2, 5)
"""one unit alone is a constant to LayerNorm and Softmax, and what follows amplifies its rounding"""


def out(layer: Layer, axes: tuple[int, ...]) -> tuple[int, ...]:
    return layer.out_shape(shape(*axes)).shape


@st.composite
def networks(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None = None) -> Layer:
    """A layer for inputs of those axes; `keep` their "shape", their "rank", or nothing."""
    kinds = [] if depth == DEPTH else [dense, simple, normal]
    if depth:
        kinds += [serial, residual, parallel, repeat] * depth
    if keep is None and len(axes) > 1:
        kinds += [flatten]
    return draw(st.sampled_from(kinds))(draw, axes, depth, keep)


def dense(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    units = axes[-1] if keep == "shape" else draw(UNITS)
    return Dense(units, bias_init="zeros" if draw(st.booleans()) else None)


def simple(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    activations = st.sampled_from(FUNCTIONS).map(Activation)
    dropouts = st.sampled_from([0.0, 0.3]).map(Dropout)
    return draw(st.one_of(activations, activations, dropouts))


def normal(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    layer_norms = st.builds(LayerNorm, st.integers(1, len(axes)), st.just(0.01))
    batch_norms = st.builds(BatchNorm, st.sampled_from([0.0, 0.9]), st.just(0.01))
    return draw(st.one_of(layer_norms, batch_norms, st.just(Softmax())))


def flatten(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    return Flatten(draw(st.integers(1, len(axes))))


def serial(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    layers, inside = [], axes
    for _ in range(draw(st.integers(2, 3))):
        layers.append(draw(networks(inside, depth - 1, "rank" if keep else None)))
        inside = out(layers[-1], inside)
    if keep == "shape" and inside != axes:
        layers.append(Dense(axes[-1]))
    return Serial(*layers)


def residual(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    if keep == "shape" or draw(st.booleans()):
        return Residual(draw(networks(axes, depth - 1, "shape")))
    inner = draw(networks(axes, depth - 1, keep))
    shortcut = Dense(out(inner, axes)[-1], bias_init=None)
    return Residual(inner, shortcut if len(out(inner, axes)) == len(axes) else inner)


def parallel(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    join = "sum" if keep == "shape" else draw(st.sampled_from(["sum", "concatenate"]))
    same = "shape" if join == "sum" else "rank"
    count = draw(st.integers(2, 3))
    branches = [draw(networks(axes, depth - 1, same)) for _ in range(count)]
    return Parallel(*branches, join=join)


def repeat(draw: Any, axes: tuple[int, ...], depth: int, keep: str | None) -> Layer:
    inner = draw(networks(axes, depth - 1, "shape"))
    return Repeat(inner, draw(st.integers(1, 3)), draw(st.booleans()))


AXES = st.lists(UNITS, min_size=1, max_size=3).map(tuple)
CASES = AXES.flatmap(lambda axes: st.tuples(st.just(axes), networks(axes, DEPTH), st.booleans()))


TRACED = []


@functools.partial(jax.jit, static_argnames="train")
def run(net: Layer, state: Any, inputs: Any, dy: Any, *, train: bool) -> Any:
    """The output, the new state, and the gradients by hand and by `jax.vjp`."""
    TRACED.append(net)

    def apply(params: Any, x: Any) -> Any:
        return net.apply(params, state, x, train=train, key=KEY)[0]

    y, pull = jax.vjp(apply, *inputs)
    _, new, tape = net.forward(inputs[0], state, inputs[1], train=train, key=KEY)
    dx, grads = net.backward(inputs[0], tape, dy)
    return y, new, (grads, dx), pull(dy)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would compile hundreds of programs
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
@given(CASES)
def test_random_networks(case: tuple[tuple[int, ...], Layer, bool]) -> None:
    """Declared shape is real shape, manual is automatic, JSON gives the network back."""
    axes, net, train = case
    note(f"input {axes}, train={train}\n{to_json(net)}")
    in_shape = shape(*axes, dtype=jnp.float64)
    params, state = jax.eval_shape(lambda: net.init(KEY, in_shape))
    declared = net.out_shape(in_shape)
    inputs = random_like((params, shape(ROWS, *axes, dtype=jnp.float64)), 3)
    old = jax.tree.map(abs, random_like(state, 4))
    dy = np.random.default_rng(9).normal(size=(ROWS, *declared.shape))

    y, new, manual, automatic = jax.device_get(run(numbers(net), old, inputs, dy, train=train))
    assert (y.shape, y.dtype) == ((ROWS, *declared.shape), declared.dtype)
    chex.assert_trees_all_equal_shapes_and_dtypes(new, state)
    chex.assert_trees_all_equal_shapes_and_dtypes(manual, inputs)
    error, path = worst(named_leaves(manual), named_leaves(automatic))
    assert error <= 1, f"{path}: {error:.3g} times what rounding allows"

    again = from_json(to_json(net))
    assert again == net
    traced = len(TRACED)
    chex.assert_trees_all_equal(run(numbers(again), old, inputs, dy, train=train)[0], y)
    assert len(TRACED) == traced, "an equal network uses the program that is there"
