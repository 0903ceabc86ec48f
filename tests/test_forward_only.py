"""A segment is differentiated in forward mode, and says so in reverse mode."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.optimizers import SGD
from fnn.spec import FnnError, with_numbers
from fnn.training import init_state

X = np.random.default_rng(0).normal(size=(4, 4))


def test_a_segment_is_differentiated_forward_and_says_so() -> None:
    """As steps in a scan are in reverse: the final loss, by the learning rate."""
    rows = fnn.Batch(X, X[:, :1] * 2)
    objective = fnn.Objective(fnn.Dense(1), "squared_error", policy=fnn.Policy("float64"))
    run = fnn.numbers(fnn.Run(objective, SGD(0.1), "full"), jnp.float64)
    in_shape = fnn.shape(4, dtype=jnp.float64)
    state = init_state(run, in_shape, seed=0, order_seed=0)

    def by_segment(rate: jax.Array) -> jax.Array:
        own = with_numbers(run, {"learning_rate": rate})
        return fnn.segment(own, state, rows, start=0, stop=6)[1].loss[-1]

    def by_steps(rate: jax.Array) -> jax.Array:
        own = with_numbers(run, {"learning_rate": rate})
        return jax.lax.scan(lambda state, _: fnn.step(own, state, rows), state, length=6)[1][-1]

    value, forward = jax.jit(lambda rate: jax.jvp(by_segment, (rate,), (jnp.ones(()),)))(0.1)
    exact, reverse = jax.jit(jax.value_and_grad(by_steps))(0.1)
    np.testing.assert_allclose([value, forward], [exact, reverse], rtol=1e-10)
    for derivative in (jax.grad(by_segment), jax.grad(jax.jit(by_segment))):
        with pytest.raises(FnnError, match=r"no derivative in reverse mode.*fnn.step in a jax.lax"):
            derivative(0.1)
    losses = jax.jit(jax.vmap(by_segment))(jnp.array([0.1, 0.2]))
    np.testing.assert_allclose(losses[0], exact, rtol=1e-10)
