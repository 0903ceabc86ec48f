"""The gradient of a whole objective: by hand, by `jax.grad` and by differences."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from fnn.combinators import Residual, Serial
from fnn.gradients import METHODS, automatic, manual
from fnn.gradients.numerical import directional_derivative
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm
from fnn.losses import L1, L2, CrossEntropy
from fnn.networks import mlp
from fnn.objective import Batch, Objective, Policy
from fnn.shapes import shape
from fnn.spec import named_leaves, numbers, replace
from tests.cases import random_like

KEY = jax.random.key(5, impl="unsafe_rbg")
B = 8
NET = Serial(
    Flatten(2),
    Dense(6, bias_init=None),
    BatchNorm(),
    Activation("gelu"),
    Dropout(0.2),
    Residual(LayerNorm()),
    Dense(4),
)
OBJECTIVE = Objective(NET, CrossEntropy(0.1), (L1(0.01), L2(0.1)), Policy("float64"))
PLAIN = Objective(mlp([5], 4, activation="tanh"), "cross_entropy", policy=Policy("float64"))


def made(objective: Objective, in_shape: Any) -> tuple[Any, Any]:
    """Parameters and state of random numbers, nothing compiled."""
    params, state = jax.eval_shape(lambda: objective.init(KEY, in_shape))
    return random_like(params, 3), jax.tree.map(abs, random_like(state, 4))


def batch_of(*features: int, dtype: str = "float64", weighted: bool = True) -> Batch:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(B, *features)).astype(dtype)
    weight = draw.uniform(0, 2, B).astype(dtype) if weighted else None
    return Batch(x, draw.integers(0, 4, B), weight)


@jax.jit
def both(objective: Objective, params: Any, state: Any, batch: Batch, key: Any) -> Any:
    return [method(objective)(params, state, batch, key=key) for method in METHODS.values()]


def within(found: Any, expected: Any, epsilon: float) -> None:
    """Errors in units of the largest number of a leaf, or a tenth of that of all leaves."""
    found, expected = (named_leaves(jax.device_get(tree)) for tree in (found, expected))
    largest = max(np.abs(leaf).max() for leaf in expected.values())
    for path, leaf in expected.items():
        size = max(np.abs(leaf).max(), 0.1 * largest)
        assert np.abs(found[path] - leaf).max() <= epsilon * size, path


@pytest.fixture(scope="module")
def exact() -> Any:
    """What float64 gives by both methods, and what it was made from."""
    params, state = made(OBJECTIVE, shape(2, 3))
    batch = batch_of(2, 3)
    return both(numbers(OBJECTIVE), params, state, batch, KEY), params, state, batch


def test_one_signature_one_result(exact: Any) -> None:
    """The value, the state, the output, the plain loss, and every gradient."""
    (by_hand, automatically), params, state, _ = exact
    (value, aux), grads = by_hand
    chex.assert_trees_all_close(by_hand[0], automatically[0], rtol=1e-13, atol=1e-13)
    within(grads, automatically[1], 1e-13)
    chex.assert_trees_all_equal_shapes_and_dtypes(grads, params)
    chex.assert_trees_all_equal_shapes_and_dtypes(aux.state, state)
    assert aux.output.shape == (B, 4)
    assert value > aux.loss > 0
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), aux.state, state)
    assert min(jax.tree.leaves(moved)) > 1e-3, "running statistics follow the batch"


def test_the_value_is_that_of_the_objective(exact: Any) -> None:
    """`value_and_grad` trains: dropout on, state updated, as `objective.value` alone."""
    (by_hand, _), params, state, batch = exact
    value = jax.jit(lambda key: OBJECTIVE.value(params, state, batch, key=key))(KEY)
    chex.assert_trees_all_close(by_hand[0], value, rtol=1e-13, atol=1e-13)


def test_another_key_another_mask(exact: Any) -> None:
    (same, _), params, state, batch = exact
    (by_hand, _) = both(numbers(OBJECTIVE), params, state, batch, KEY)
    chex.assert_trees_all_equal(by_hand, same)
    other = both(numbers(OBJECTIVE), params, state, batch, jax.random.fold_in(KEY, 1))
    assert abs(other[0][0][0] - same[0][0]) > 1e-6
    within(other[0][1], other[1][1], 1e-13)


def test_bfloat16(exact: Any) -> None:
    """Parameters, state, output and gradients stay float32; both methods round alike."""
    _, params, state, _ = exact
    objective = numbers(replace(OBJECTIVE, policy=Policy("bfloat16")), jnp.float32)
    params, state, batch = jax.tree.map(
        lambda leaf: leaf.astype(np.float32) if leaf.dtype == np.float64 else leaf,
        (params, state, batch_of(2, 3)),
    )
    by_hand, automatically = both(objective, params, state, batch, KEY)
    for (value, aux), grads in (by_hand, automatically):
        chex.assert_trees_all_equal_shapes_and_dtypes(grads, params)
        chex.assert_trees_all_equal_shapes_and_dtypes(aux.state, state)
        assert value.dtype == aux.loss.dtype == aux.output.dtype == jnp.float32
    chex.assert_trees_all_close(by_hand[0], automatically[0], rtol=2**-7, atol=2**-7)
    within(by_hand[1], automatically[1], 2**-6)
    within(by_hand[1], exact[0][0][1], 2**-3)


def test_gradients_of_single_examples_sum_to_the_batchs() -> None:
    """Where rows don't depend on each other: Σ over examples of w ∂ℓ, over Σ w."""
    params, state = made(PLAIN, shape(3))
    batch = batch_of(3)

    @jax.jit
    def run(params: Any, batch: Batch) -> Any:
        pairs = []
        for method in METHODS.values():
            differentiate = method(PLAIN)
            rows = Batch(batch.x[:, None], batch.target[:, None])
            _, own = jax.vmap(lambda row, f=differentiate: f(params, state, row))(rows)
            share = batch.weight / batch.weight.sum()
            summed = jax.tree.map(lambda leaf, w=share: jnp.tensordot(w, leaf, 1), own)
            pairs.append((summed, differentiate(params, state, batch)[1]))
        return pairs

    for summed, whole in run(params, batch):
        chex.assert_trees_all_close(summed, whole, rtol=1e-12, atol=1e-14)


def test_chex_agrees() -> None:
    """A second opinion: the manual gradient handed to JAX as the derivative of the value."""
    params, state = made(PLAIN, shape(3))
    batch = batch_of(3)
    flat, unravel = ravel_pytree(params)

    @jax.custom_vjp
    def value(flat: jax.Array) -> jax.Array:
        return PLAIN.value(unravel(flat), state, batch)[0]

    def there(flat: jax.Array) -> Any:
        (value, _), grads = manual.value_and_grad(PLAIN)(unravel(flat), state, batch)
        return value, ravel_pytree(grads)[0]

    def back(gradient: jax.Array, dy: jax.Array) -> Any:
        return (gradient * dy,)

    value.defvjp(there, back)
    options = {"modes": ["rev"], "atol": 1e-7, "rtol": 1e-7}
    chex.assert_numerical_grads(jax.jit(value), (flat,), order=1, **options)


def test_directional_derivatives_of_known_functions() -> None:
    """Of a pytree, along a pytree; exact for what is at most of fourth degree."""
    draw = np.random.default_rng(2)
    at = {"a": draw.normal(size=4), "b": (draw.normal(size=(2, 3)), draw.normal(size=()))}
    along = jax.tree.map(lambda leaf: draw.normal(size=leaf.shape), at)

    def value(tree: Any) -> jax.Array:
        a, (b, c) = tree["a"], tree["b"]
        return jnp.sin(a).sum() + (b**3).sum() * c

    a, (b, c) = at["a"], at["b"]
    da, (db, dc) = along["a"], along["b"]
    expected = (np.cos(a) * da).sum() + (3 * b**2 * db).sum() * c + (b**3).sum() * dc
    found = jax.jit(lambda: directional_derivative(value, at, along))()
    np.testing.assert_allclose(found, expected, rtol=1e-10)

    def quartic(x: jax.Array) -> jax.Array:
        return x**4 - 2 * x**3 + x

    def slopes() -> Any:
        return [
            directional_derivative(quartic, jnp.array(1.5), jnp.array(2.0), 0.5),
            directional_derivative(jnp.exp, jnp.array(0.0), jnp.array(1.0), 0.2),
            directional_derivative(jnp.exp, jnp.array(0.0), jnp.array(1.0), 0.1),
            directional_derivative(lambda x: jnp.abs(x + 3), jnp.array(-3.0), jnp.array(1.0)),
        ]

    exactly, coarse, fine, corner = jax.jit(slopes)()
    np.testing.assert_allclose(exactly, 2 * (4 * 1.5**3 - 6 * 1.5**2 + 1), rtol=1e-13)
    assert 15 < abs(coarse - 1) / abs(fine - 1) < 17, "the error falls as step⁴"
    assert abs(corner) < 1e-12, "at a corner: the mean of both sides"


def test_methods_by_name() -> None:
    assert {"manual": manual.value_and_grad, "automatic": automatic.value_and_grad} == METHODS
