"""What does it cost to save where a run stands? MNIST, side by side.

    FNN_DATA_DIR=DIR ./scripts/bench saving

Runs of 784-512-512-10, batch 128, Adam: not saved, saved as by default (once a minute and at the
end), and saved after every call of the program, about twice a second. Times are those of the
processor, saving thread included, so that other work on the machine matters little; the last line
makes of the cost of a save its share of the minute from one to the next.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import fnn
from experiments.benchmarks.timing import side_by_side
from experiments.machine import machine
from fnn import xla
from fnn.data import load, prepare
from fnn.losses import CrossEntropy
from fnn.objective import Batch
from fnn.optimizers import Adam
from fnn.runs.checkpoints import save_snapshot
from fnn.training import Snapshot
from fnn.training.host.loop import SAVE_SECONDS


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    print(json.dumps(machine()))
    run = fnn.Run(fnn.Objective(fnn.mlp([512, 512], 10), CrossEntropy()), Adam(0.001), 128)
    train = prepare(load("mnist"), (0.8, 0.2)).train
    assert isinstance(train, Batch)
    rows = Batch(train.x[: options.rows], train.target[: options.rows])
    seconds: list[float] = []

    def training(save_every: float | None) -> Callable[[], float]:
        def turn() -> float:
            start = time.process_time()
            if save_every is None:
                fnn.fit(run, rows, epochs=options.epochs)
            else:
                fnn.fit(run, rows, epochs=options.epochs, save=save, save_every=save_every)
            return time.process_time() - start

        return turn

    with tempfile.TemporaryDirectory() as folder:

        def save(snapshot: Snapshot) -> None:
            start = time.thread_time()
            save_snapshot(Path(folder), snapshot, [])
            seconds.append(time.thread_time() - start)

        contestants = {
            "not saved": training(None),
            "by default": training(SAVE_SECONDS),
            "after every call": training(0.0),
        }
        side_by_side(contestants, options.rounds)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.safetensors")) / 2
    one = statistics.median(seconds)
    print(f"a save of {size / 1e6:.1f} MB: {1e3 * one:.1f} ms of the processor (median of")
    print(f"{len(seconds)}), {100 * one / SAVE_SECONDS:.2f} % of {SAVE_SECONDS:g} s")


if __name__ == "__main__":
    xla.configure()
    main()
