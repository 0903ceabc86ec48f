"""Embedding: what the gates can't see: numbers out of range, narrow integers, bad input."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.combinators import Serial
from fnn.initializers import Zeros
from fnn.layers import Embedding, Flatten
from fnn.shapes import shape
from fnn.spec import ShapeError, SpecError

TABLE = np.random.default_rng(0).normal(size=(300, 2))


@jax.jit
def both_ways(params: Any, x: jax.Array, dy: jax.Array) -> Any:
    """y, the gradient by hand, and the automatic one."""
    layer = Embedding(300, 2)
    y, _, tape = layer.forward(params, {}, x, train=True, key=None)
    dx, grads = layer.backward(params, tape, dy)
    assert dx is None
    _, pull = jax.vjp(lambda params: layer.apply(params, {}, x)[0], params)
    return y, grads["weight"], pull(dy)[0]["weight"]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64"])
@pytest.mark.parametrize("axes", [(), (5,), (2, 3)])
def test_rows_of_the_table(dtype: str, axes: tuple[int, ...]) -> None:
    """Of any integer dtype, narrower ones than the number of classes too."""
    x = np.random.default_rng(1).integers(0, 100, axes).astype(dtype)
    dy = np.random.default_rng(2).normal(size=(*axes, 2))
    y, by_hand, automatic = both_ways({"weight": TABLE}, jnp.asarray(x), dy)
    np.testing.assert_array_equal(y, TABLE[x])
    expected = np.zeros_like(TABLE)
    np.add.at(expected, x, dy)
    np.testing.assert_allclose(by_hand, expected, rtol=1e-15)
    np.testing.assert_allclose(automatic, expected, rtol=1e-15)


def test_a_class_that_comes_twice_counts_twice() -> None:
    x, dy = jnp.array([7, 3, 7, 7]), np.random.default_rng(3).normal(size=(4, 2))
    _, by_hand, _ = both_ways({"weight": TABLE}, x, dy)
    np.testing.assert_allclose(by_hand[7], dy[0] + dy[2] + dy[3], rtol=1e-15)
    np.testing.assert_array_equal(by_hand[3], dy[1])


@pytest.mark.parametrize("outside", [-1, -300, 300, 2**31 - 1])
def test_a_number_out_of_range_is_nan(outside: int) -> None:
    """Also −1, which would be the last row; the other rows are what they were."""
    dy = np.random.default_rng(4).normal(size=(3, 2))
    y, by_hand, automatic = both_ways({"weight": TABLE}, jnp.array([1, outside, 2]), dy)
    np.testing.assert_array_equal(y, [TABLE[1], [np.nan] * 2, TABLE[2]])
    expected = np.zeros_like(TABLE)
    expected[[1, 2]] = dy[[0, 2]]
    np.testing.assert_array_equal(by_hand, expected)
    np.testing.assert_array_equal(automatic, expected)


def test_floats_are_no_class_numbers() -> None:
    """Neither when a network is made nor when it runs."""
    words = r"layers\[0\]: Embedding\(.*\) expects class numbers \(integers\), got float"
    net = Serial(Embedding(4, 2), Flatten(2))
    params, state = {"layers": ({"weight": TABLE[:4]}, {})}, {"layers": ({}, {})}
    with pytest.raises(ShapeError, match=words):
        net.init(jax.random.key(0), shape(5))
    with pytest.raises(ShapeError, match=words):
        net.apply(params, state, jnp.zeros((2, 5)))


def test_bad_tables() -> None:
    with pytest.raises(SpecError, match="classes: expected at least 1, got 0"):
        Embedding(0, 3)
    with pytest.raises(ShapeError, match="needs parameters of shapes"):
        Embedding(4, 3).apply({"weight": TABLE}, {}, jnp.array([1]))
    with pytest.raises(ShapeError, match="takes one array"):
        Embedding(4, 3).out_shape({"a": shape(2, dtype="int32")})
    params, _ = Embedding(4, 3, Zeros()).init(jax.random.key(0), shape(2, dtype="int32"))
    np.testing.assert_array_equal(params["weight"], np.zeros((4, 3)))
