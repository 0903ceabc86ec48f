"""What does it cost to read rows from disk as they are needed? MNIST, side by side.

    FNN_DATA_DIR=DIR ./scripts/bench streaming

Epochs of 784-128-64-10, batch 128, Adam, 48,000 rows, 12,000 to validate: rows that lie on the
device, and the same rows from a folder of .npy files. The two train to the same bits.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

import fnn
from experiments.benchmarks.timing import side_by_side
from fnn import xla
from fnn.data import load, prepare
from fnn.losses import CrossEntropy
from fnn.objective import Batch
from fnn.optimizers import Adam
from fnn.training.host.in_memory import InMemorySource
from fnn.training.host.source import Source
from fnn.training.host.streaming import StreamingSource
from fnn.training.rows import RowReader


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    net = fnn.mlp([128, 64], 10)
    run = fnn.numbers(fnn.Run(fnn.Objective(net, CrossEntropy()), Adam(0.001), 128))
    mnist = load("mnist")
    whole = prepare(mnist, (0.8, 0.2))
    assert isinstance(whole.train, Batch) and isinstance(whole.validation, Batch)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", np.asarray(mnist.inputs))
        np.save(Path(folder) / "y.npy", mnist.target)
        read = prepare(load(folder), (0.8, 0.2))
        assert isinstance(read.train, RowReader) and isinstance(read.validation, RowReader)
        contestants = {
            "resident": epochs(run, InMemorySource(run, whole.train, whole.validation, None)),
            "from disk": epochs(run, StreamingSource(run, read.train, read.validation)),
        }
        side_by_side(contestants, options.rounds)


def epochs(run: fnn.Run, source: Source) -> Callable[[], object]:
    """An epoch a turn."""
    state = fnn.init_state(run, fnn.shape(784), seed=0, order_seed=0)
    steps, number = source.plan.steps, 0

    def turn() -> object:
        nonlocal state, number
        state, _ = source.advance(state, number * steps, (number + 1) * steps)
        number += 1
        return jax.block_until_ready(state.params)

    return turn


if __name__ == "__main__":
    xla.configure()
    main()
