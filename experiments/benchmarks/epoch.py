"""What does the engine cost on top of a bare `lax.scan`? An epoch of 784-128-64-10, side by side.

    ./scripts/bench epoch

60,000 rows of noise (speed does not depend on what they show), batch 128, Adam 0.001, shuffled
every epoch. Contestants: a scan written by hand with jax.grad and Optax; the engine with automatic
and with manual gradients; the engine with dropout 0.2 after each hidden layer.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

import fnn
from experiments.benchmarks.timing import side_by_side
from fnn.losses import CrossEntropy
from fnn.optimizers import Adam

BATCH = 128
SIZES = (784, 128, 64, 10)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    draw = np.random.default_rng(0)
    x = jnp.asarray(draw.random((options.rows, SIZES[0]), np.float32))
    target = jnp.asarray(draw.integers(0, SIZES[-1], options.rows, dtype=np.int32))
    rows = fnn.Batch(x, target)
    contestants = {
        "bare scan": bare(x, target),
        "engine, automatic": engine(rows, "automatic"),
        "engine, manual": engine(rows, "manual"),
        "engine, dropout 0.2": engine(rows, "automatic", dropout=0.2),
        "engine, manual, dropout 0.2": engine(rows, "manual", dropout=0.2),
    }
    side_by_side(contestants, options.rounds)


def engine(
    rows: fnn.Batch, gradient: Literal["automatic", "manual"], dropout: float | None = None
) -> Callable[[], object]:
    """An epoch at a time, as `fnn.train` runs it."""
    net = fnn.mlp(SIZES[1:-1], SIZES[-1], dropout=dropout)
    run = fnn.numbers(fnn.Run(fnn.Objective(net, CrossEntropy()), Adam(0.001), BATCH, gradient))
    state = fnn.init_state(run, fnn.shape(SIZES[0]), seed=0, order_seed=0)
    epoch = jax.jit(fnn.segment, static_argnames="epochs", donate_argnums=1)

    def turn() -> object:
        nonlocal state
        state, metrics = epoch(run, state, rows, epochs=1)
        return jax.block_until_ready(metrics)

    return turn


def bare(x: jax.Array, target: jax.Array) -> Callable[[], object]:
    """The same, as someone would write it without a library."""
    adam = optax.adam(0.001)
    count, full = len(x), len(x) - len(x) % BATCH

    def init(key: jax.Array) -> Any:
        return [
            {"w": (2 / i) ** 0.5 * jax.random.normal(k, (i, o)), "b": jnp.zeros(o)}
            for k, i, o in zip(jax.random.split(key, 3), SIZES[:-1], SIZES[1:], strict=True)
        ]

    def loss(params: Any, x: jax.Array, target: jax.Array) -> jax.Array:
        for layer in params[:-1]:
            x = jax.nn.relu(x @ layer["w"] + layer["b"])
        logits = x @ params[-1]["w"] + params[-1]["b"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()

    @jax.jit
    def epoch(carry: Any, key: jax.Array, x: jax.Array, target: jax.Array) -> Any:
        def step(carry: Any, index: jax.Array) -> Any:
            params, state = carry
            value, grads = jax.value_and_grad(loss)(params, x[index], target[index])
            updates, state = adam.update(grads, state)
            return (optax.apply_updates(params, updates), state), value

        order = jax.random.permutation(key, count)
        carry, losses = jax.lax.scan(step, carry, order[:full].reshape(-1, BATCH))
        total = BATCH * losses.sum()
        if full < count:
            carry, last = step(carry, order[full:])
            total += (count - full) * last
        return carry, total / count

    params = init(jax.random.key(0))
    carry, number = (params, adam.init(params)), 0

    def turn() -> object:
        nonlocal carry, number
        number += 1
        carry, value = epoch(carry, jax.random.key(number), x, target)
        return jax.block_until_ready(value)

    return turn


if __name__ == "__main__":
    main()
