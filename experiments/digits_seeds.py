"""How good is `fnn train digits`? Twenty seeds as one vmapped program.

    ./scripts/python experiments/digits_seeds.py

Each seed splits 60-20-20, initializes and orders its batches by itself; network, rate, epochs and
the epoch that is kept (the best by validation loss) are those of the command's defaults.

The results stand in docs/numbers.md.
"""

from __future__ import annotations

import argparse
import time

import jax
import jax.numpy as jnp

import fnn
from experiments.intervals import format_interval
from fnn import xla
from fnn.data import load, prepare
from fnn.losses import CrossEntropy
from fnn.optimizers import Adam
from fnn.training import Selection, final_parameters


def main() -> None:
    """Train, and report the mean test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=100)
    options = parser.parse_args()

    start_time = time.perf_counter()
    digits = load("digits")
    prepared = [prepare(digits, seed=seed) for seed in range(options.seeds)]
    parts = [
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *(split[part] for split in prepared))
        for part in range(3)
    ]
    net = fnn.mlp([128, 64], 10, dropout=0.2)
    run = fnn.Run(
        fnn.Objective(net, CrossEntropy()), Adam(0.001), batch_size=32, selection=Selection("loss")
    )
    stop = options.epochs * fnn.steps_per_epoch(run, len(prepared[0].train.target))

    def member(
        run: fnn.Run, rows: fnn.Batch, validation: fnn.Batch, test: fnn.Batch, seed: jax.Array
    ) -> jax.Array:
        state = fnn.init_state(run, fnn.shape(64), seed=seed, order_seed=seed)
        state, _ = fnn.segment(run, state, rows, validation, start=0, stop=stop)
        return fnn.evaluate(run.objective, *final_parameters(run, state), test)["accuracy"]

    members = jax.jit(jax.vmap(member, in_axes=(None, 0, 0, 0, 0)))
    accuracy = members(fnn.numbers(run), *parts, jnp.arange(options.seeds))
    print("test accuracy by seed", *(f"{value:.4f}" for value in accuracy.tolist()))
    print(format_interval(accuracy))
    print(f"{time.perf_counter() - start_time:.1f} s on {jax.devices()[0].device_kind}")


if __name__ == "__main__":
    xla.configure()
    main()
