"""Activations: values and derivatives against `jax.nn`, corners, extremes and NaN included."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.activations import (
    ELU,
    GELU,
    SELU,
    Elementwise,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Step,
    Tanh,
)
from fnn.layers import Activation
from fnn.spec import SpecError, numbers

PEERS: dict[Elementwise, Callable[[jax.Array], jax.Array]] = {
    Step(): lambda x: (x >= 0).astype(x.dtype),
    Identity(): jax.nn.identity,
    Sigmoid(): jax.nn.sigmoid,
    Tanh(): jax.nn.tanh,
    ReLU(): jax.nn.relu,
    LeakyReLU(): jax.nn.leaky_relu,
    LeakyReLU(0.3): functools.partial(jax.nn.leaky_relu, negative_slope=0.3),
    ELU(): jax.nn.elu,
    ELU(0.5): functools.partial(jax.nn.elu, alpha=0.5),
    SELU(): jax.nn.selu,
    GELU(): functools.partial(jax.nn.gelu, approximate=False),
    GELU("tanh"): functools.partial(jax.nn.gelu, approximate=True),
    SiLU(): jax.nn.silu,
    Mish(): jax.nn.mish,
    Softplus(): jax.nn.softplus,
}
CORNERS = {
    Step(): 0,
    Identity(): 1,
    Sigmoid(): 0.25,
    Tanh(): 1,
    ReLU(): 0,
    LeakyReLU(): 1,
    LeakyReLU(0.3): 1,
    ELU(): 1,
    ELU(0.5): 0.5,
    SELU(): 1.0507009873554805 * 1.6732632423543772,
    GELU(): 0.5,
    GELU("tanh"): 0.5,
    SiLU(): 0.5,
    Mish(): np.tanh(np.log(2)),
    Softplus(): 0.5,
}
"""the derivative at 0, as each docstring states or implies it"""

X = np.r_[0.0, -0.0, 1e4, -1e4, np.nan, np.linspace(-30, 30, 61), np.linspace(-3.3, 3.3, 67)]
ZEROS, EXTREMES, NAN = slice(0, 2), slice(2, 4), 4

every_function = pytest.mark.parametrize("function", PEERS, ids=repr)
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])


class Found(NamedTuple):
    """Values, and derivatives three ways."""

    y: np.ndarray
    peer_y: np.ndarray
    manual: np.ndarray
    automatic: np.ndarray
    peer: np.ndarray


def find(function: Elementwise, peer: Callable[..., Any], x: jax.Array, dy: jax.Array) -> Found:
    y, tape = function.forward(x)
    peer_y, pull_peer = jax.vjp(peer, x)
    _, pull = jax.vjp(function, x)
    return Found(y, peer_y, function.backward(tape, dy), *pull(dy), *pull_peer(dy))


@functools.cache
def found(dtype: str) -> list[Found]:
    """Every function at every x, as one program; the cotangent is random, and positive."""
    x = jnp.asarray(X, dtype)
    dy = jnp.asarray(np.random.default_rng(1).uniform(0.5, 2, X.shape), dtype)

    @jax.jit
    def run(functions: list[Elementwise], x: jax.Array, dy: jax.Array) -> list[Found]:
        peers = PEERS.values()
        return [find(f, peer, x, dy) for f, peer in zip(functions, peers, strict=True)]

    made = jax.device_get(run([numbers(f) for f in PEERS], x, dy))
    assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(made))
    return jax.tree.map(lambda leaf: leaf.astype(np.float64), made)


def case(function: Elementwise, dtype: str) -> Found:
    return found(dtype)[list(PEERS).index(function)]


@every_dtype
@every_function
def test_the_value_is_that_of_jax_nn(function: Elementwise, dtype: str) -> None:
    """NaN for NaN and −0 for −0 included."""
    made = case(function, dtype)
    rest = np.arange(X.size) != NAN if isinstance(function, Step) else slice(None)
    np.testing.assert_array_equal(made.y[rest], made.peer_y[rest])
    np.testing.assert_array_equal(np.signbit(made.y[rest]), np.signbit(made.peer_y[rest]))
    assert np.isnan(made.y[NAN]) or isinstance(function, Step)


@every_dtype
@every_function
def test_the_derivative_is_that_of_jax_nn(function: Elementwise, dtype: str) -> None:
    """By `jax.grad` bit for bit, by hand within rounding: of 1 − t, times x³ in GELU's tanh."""
    made = case(function, dtype)
    np.testing.assert_array_equal(made.automatic, made.peer)
    rounding = (8 if dtype == "bfloat16" else 160) * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(made.manual, made.peer, rtol=rounding, atol=rounding)


@every_dtype
@every_function
def test_finite_far_out(function: Elementwise, dtype: str) -> None:
    for leaf in case(function, dtype):
        assert np.isfinite(leaf[EXTREMES]).all()


@every_function
def test_the_corner(function: Elementwise) -> None:
    """At 0 and −0 alike, by hand and by `jax.grad`."""
    made = case(function, "float64")
    dy = np.random.default_rng(1).uniform(0.5, 2, X.shape)[ZEROS]
    for slope in (made.manual[ZEROS], made.automatic[ZEROS]):
        np.testing.assert_allclose(slope, CORNERS[function] * dy, rtol=1e-15)


@pytest.mark.parametrize("function", [Sigmoid(), GELU(), SiLU(), Mish(), Softplus()], ids=repr)
def test_small_derivatives_keep_their_digits(function: Elementwise) -> None:
    """In float32, far to the left, where 1 + erf or 1 + tanh would leave none."""
    tail = (X >= -12) & (X <= -3)
    exact = case(function, "float64").manual[tail]
    np.testing.assert_allclose(case(function, "float32").manual[tail], exact, rtol=2e-5)


def test_the_derivative_is_that_of_the_value() -> None:
    """Not of whatever `jax.nn` computes: by differences of the values, away from corners."""
    x = np.array([-4.0, -1.5, -0.3, 0.3, 1.5, 4.0])
    h = 1e-5

    @jax.jit
    def slopes(functions: list[Elementwise], x: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
        differences = [(f(x + h) - f(x - h)) / (2 * h) for f in functions]
        tapes = [f.forward(x)[1] for f in functions]
        by_hand = [f.backward(t, jnp.ones_like(x)) for f, t in zip(functions, tapes, strict=True)]
        return list(zip(by_hand, differences, strict=True))

    functions = [numbers(f) for f in PEERS]
    for function, (by_hand, difference) in zip(functions, slopes(functions, x), strict=True):
        np.testing.assert_allclose(
            by_hand, difference, rtol=1e-8, atol=1e-9, err_msg=repr(function)
        )


def test_step_hides_nan() -> None:
    """Unlike all others: `x ≥ 0` is false."""
    assert Step()(jnp.array([np.nan, -1.0, -0.0, 2.0])).tolist() == [0, 0, 1, 1]


def test_names() -> None:
    for function in PEERS:
        name = function.kind.removesuffix(".v1")
        assert type(Activation(name).function) is type(function)
    with pytest.raises(SpecError, match=r"did you mean 'sigmoid'\? \(known: elu, gelu"):
        Activation("sigmoyd")
