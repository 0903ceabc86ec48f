"""What does the engine cost on top of a bare `lax.scan`? Epochs of one network, side by side.

    ./scripts/bench epoch                                    784-128-64-10, 60,000 rows, batch 128
    ./scripts/bench epoch --sizes 64 128 64 10 --rows 1078 --batch 32 --epochs 100        digits
    ./scripts/bench epoch --only "bare scan" monitors --epochs 3

Rows are noise (speed does not depend on what they show), Adam 0.001, shuffled every epoch. The bare
scan is written by hand with jax.grad and Optax; validated, it measures loss and accuracy of a fifth
as many rows after each epoch and keeps the best parameters, and so does the engine beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import optax

import fnn
from experiments.benchmarks.timing import side_by_side
from experiments.peers.training.fnn_engine import Engine
from experiments.peers.training.workloads import Workload
from fnn import xla
from fnn.training import MovingAverage, Selection

Turn = Callable[[], object]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[784, 128, 64, 10])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=1, help="a turn")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", help="contestants, by name")
    options = parser.parse_args()
    work = Workload(
        "epoch", tuple(options.sizes), options.rows, options.batch, epochs=options.epochs
    )
    contestants: dict[str, Callable[[], Turn]] = {
        "bare scan": lambda: bare(work, validated=False),
        "engine": lambda: engine(work),
        "engine, manual": lambda: engine(work, gradient="manual"),
        "engine, dropout 0.2": lambda: engine(work, dropout=0.2),
        "engine, monitors": lambda: engine(work, monitor=True),
        "engine, moving average": lambda: engine(work, averaging=MovingAverage()),
        "bare scan, validated": lambda: bare(work, validated=True),
        "engine, validated": lambda: engine(work, validated=True, selection=Selection("loss")),
    }
    chosen = options.only or list(contestants)
    side_by_side({name: contestants[name]() for name in chosen}, options.rounds)


def engine(work: Workload, dropout: float | None = None, **options: Any) -> Turn:
    """Epochs as `fnn.train` runs them."""
    built = Engine(replace(work, dropout=dropout), **options)
    return lambda: built.train(work.epochs)


def bare(work: Workload, *, validated: bool) -> Turn:
    """The same, as someone would write it without a library."""
    adam = optax.adam(work.rate)
    rows, validation = (fnn.Batch(*map(jnp.asarray, part)) for part in (work.train(), work.test()))
    count, size = work.rows, work.batch
    full = count - count % size

    def init(key: jax.Array) -> Any:
        pairs = list(zip(work.sizes[:-1], work.sizes[1:], strict=True))
        return [
            {"w": (2 / i) ** 0.5 * jax.random.normal(k, (i, o)), "b": jnp.zeros(o)}
            for k, (i, o) in zip(jax.random.split(key, len(pairs)), pairs, strict=True)
        ]

    def logits(params: Any, x: jax.Array) -> jax.Array:
        for layer in params[:-1]:
            x = jax.nn.relu(x @ layer["w"] + layer["b"])
        return x @ params[-1]["w"] + params[-1]["b"]

    def loss(params: Any, x: jax.Array, target: jax.Array) -> jax.Array:
        result = logits(params, x)
        return optax.softmax_cross_entropy_with_integer_labels(result, target).mean()

    def epoch(carry: Any, key: jax.Array, rows: fnn.Batch, validation: fnn.Batch) -> Any:
        def step(carry: Any, index: jax.Array) -> Any:
            params, state = carry
            value, grads = jax.value_and_grad(loss)(params, rows.x[index], rows.target[index])
            updates, state = adam.update(grads, state)
            return (optax.apply_updates(params, updates), state), value

        inner, best, lowest = carry
        order = jax.random.permutation(key, count)
        inner, losses = jax.lax.scan(step, inner, order[:full].reshape(-1, size))
        if full < count:
            inner, _ = step(inner, order[full:])
        if not validated:
            return (inner, best, lowest), (losses.mean(), lowest)
        result = logits(inner[0], validation.x)
        value = optax.softmax_cross_entropy_with_integer_labels(result, validation.target).mean()
        right = (result.argmax(-1) == validation.target).mean()
        best = jax.tree.map(lambda new, old: jnp.where(value < lowest, new, old), inner[0], best)
        return (inner, best, jnp.minimum(value, lowest)), (losses.mean(), right)

    @jax.jit
    def epochs(carry: Any, keys: jax.Array, rows: fnn.Batch, validation: fnn.Batch) -> Any:
        return jax.lax.scan(lambda carry, key: epoch(carry, key, rows, validation), carry, keys)

    params = init(jax.random.key(0))
    carry, number = ((params, adam.init(params)), params, jnp.inf), 0

    def turn() -> object:
        nonlocal carry, number
        number += 1
        keys = jax.random.split(jax.random.key(number), work.epochs)
        carry, text = epochs(carry, keys, rows, validation)
        return jax.block_until_ready(text)

    return turn


if __name__ == "__main__":
    xla.configure()
    main()
