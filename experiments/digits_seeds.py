"""How good is the default network on digits? Five seeds as one vmapped program.

    ./scripts/python experiments/digits_seeds.py

Each seed splits 60-20-20, initialises and orders its batches by itself; the network, rate and
number of epochs are those of `fnn train digits`, chosen on the validation rows of other splits.
"""

from __future__ import annotations

import argparse
import time

import jax
import jax.numpy as jnp

import fnn
from fnn.data import load, parts
from fnn.losses import CrossEntropy
from fnn.optimizers import Adam


def main() -> None:
    """Train and report the mean test accuracy with its 95 % interval (Student's t)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=100)
    options = parser.parse_args()

    began = time.perf_counter()
    digits = load("digits")
    splits = [parts(digits, seed=seed) for seed in range(options.seeds)]
    rows, test = (
        jax.tree.map(
            lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]),
            *(fnn.Batch(*getattr(split, part)) for split in splits),
        )
        for part in ("train", "test")
    )
    net = fnn.mlp([128, 64], 10, dropout=0.2)
    run = fnn.Run(fnn.Objective(net, CrossEntropy()), Adam(0.001), batch_size=32)

    def member(run: fnn.Run, rows: fnn.Batch, test: fnn.Batch, seed: jax.Array) -> jax.Array | None:
        state = fnn.init_state(run, fnn.shape(64), seed=seed, order_seed=seed)
        state, _ = fnn.segment(run, state, rows, epochs=options.epochs)
        return fnn.evaluate(run.objective, state.params, state.state, test).accuracy

    members = jax.jit(jax.vmap(member, in_axes=(None, 0, 0, 0)))
    accuracy = members(fnn.numbers(run), rows, test, jnp.arange(options.seeds))
    mean, half = interval(accuracy)
    print("test accuracy by seed", *(f"{value:.4f}" for value in accuracy.tolist()))
    print(f"mean {mean:.4f} ± {half:.4f} (95 %, {options.seeds} seeds)")
    print(f"{time.perf_counter() - began:.1f} s on {jax.devices()[0].device_kind}")


def interval(values: jax.Array) -> tuple[float, float]:
    """The mean, and half the width of its 95 % interval."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean()), float(half)


if __name__ == "__main__":
    main()
