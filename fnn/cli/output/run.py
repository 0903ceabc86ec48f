"""What a run prints: its plan, a table as it goes, and what came of it."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnn.cli.commands.train import TrainCommand
    from fnn.data import Prepared
    from fnn.ensembles import EnsembleResult
    from fnn.training import Run, TrainingEvent
    from fnn.training.train import TrainResult

WIDTH = 9
"""of a column of figures, such as 1.235e+09"""


def print_plan(options: TrainCommand, run: Run, prepared: Prepared) -> None:
    """The rows, the network and how it learns."""
    from fnn.network_summary import parameter_count
    from fnn.shapes import shape

    print_rows(prepared)
    fitted = prepared.preprocessing
    inputs = "×".join(map(str, fitted.in_shape))
    widths = "-".join(map(str, (inputs, *options.network.hidden, fitted.outputs)))
    parameters = parameter_count(run.objective.net, shape(*fitted.in_shape))
    print(f"network {widths}, {options.network.activation}, {parameters:,} parameters")
    rate = getattr(run.optimizer, "learning_rate", None)
    size = "all rows at once" if run.batch_size == "full" else f"batches of {run.batch_size}"
    print(f"{options.training.optimizer} at rate {rate!r}, {size}", flush=True)


def print_rows(prepared: Prepared) -> None:
    """How many rows there are of each part, and what was made of them."""
    parts = (prepared.train, prepared.validation, prepared.test)
    train, validation, test = (f"{0 if part is None else len(part.target):,}" for part in parts)
    name = prepared.dataset.name
    print(f"{name}: {train} rows to train on, {validation} to validate, {test} to test")
    for note in prepared.preprocessing.notes:
        print(f"  {note}")


class EpochTable:
    """A logger that prints about ten lines a run, whatever its length."""

    def __init__(self, epochs: int) -> None:
        self.every = max(1, epochs // 10)
        self.last = epochs
        self.names: list[str] = []

    def __call__(self, event: TrainingEvent) -> None:
        """Print the epochs whose turn it is."""
        for row in event.ended:
            if row["epoch"] % self.every == 0 or row["epoch"] == self.last:
                self._line(row)

    def _line(self, row: dict[str, float]) -> None:
        """One epoch, under a heading if it is the first; the figures of layers have no place."""
        from fnn.metrics import format_metric

        shown = {name: value for name, value in row.items() if "/" not in name}
        if not self.names:
            self.names = list(shown)
            _print("  ".join(_heading(name).rjust(_width(name)) for name in shown))
        cells = [f"{shown['epoch']:,}", *(format_metric(shown[name]) for name in self.names[1:])]
        wide = zip(cells, self.names, strict=True)
        _print("  ".join(cell.rjust(_width(name)) for cell, name in wide))


def _print(line: str) -> None:
    """A line above the progress bar, if there is one."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        tqdm.write(line)
    else:
        print(line, flush=True)


def _heading(name: str) -> str:
    return "validation loss" if name == "validation_loss" else name.removeprefix("validation_")


def _width(name: str) -> int:
    return max(len(_heading(name)), 5 if name == "epoch" else WIDTH)


def print_result(made: TrainResult, began: float, folder: Path | None) -> None:
    """How the run ended, its test metric, and where things are."""
    from fnn.metrics import format_metric

    timing, epochs = made.timing, int(made.run_state.epoch)
    ended = "" if made.status == "finished" else f", {made.status}"
    print(
        f"trained {epochs:,} {'epoch' if epochs == 1 else 'epochs'}{ended} in "
        f"{timing.seconds:.1f} s on {timing.device}: {timing.examples_per_second:,.0f} rows a "
        f"second, after {timing.compile_seconds:.1f} s of compiling"
    )
    if made.best is not None:
        best = made.best
        print(f"kept epoch {best.epoch:,}, validation {best.metric} {format_metric(best.value)}")
    if made.test is not None and made.prepared.test is not None:
        names = headlines(made)
        told = ", ".join(f"{name} {format_metric(made.test[name])}" for name in names)
        print(f"test {told} ({len(made.prepared.test.target):,} rows)")
    print_end(began, folder)


def print_members(made: EnsembleResult) -> None:
    """Who was left out, and the test metrics of one network and of all of them together."""
    import numpy as np

    from fnn.metrics import format_metric

    epochs, seconds = max(m.epochs for m in made.members), made.seconds - made.compile_seconds
    early = sum(member.status == "stopped early" for member in made.members)
    ended = f", {early} stopped early" if early else ""
    ended += ", interrupted" if made.interrupted is not None else ""
    print(
        f"trained {len(made.members)} networks, up to {epochs:,} epochs{ended}, in {seconds:.1f} s "
        f"after {made.compile_seconds:.1f} s of compiling"
    )
    for seed, reason in made.left_out:
        print(f"left out: seed {seed} {reason}")
    assert made.prepared is not None and made.prepared.test is not None
    assert made.test is not None and made.each_test is not None
    rows = f"test ({len(made.prepared.test.target):,} rows)"
    print(f"{rows:<18} {'one network ± sd':>22} {f'all {len(made.members)}':>{WIDTH}}")
    for name in headlines(made):
        each = np.array([scores[name] for scores in made.each_test])
        one = f"{format_metric(float(each.mean()))} ± {format_metric(float(each.std()))}"
        print(f"{name:<18} {one:>22} {format_metric(made.test[name]):>{WIDTH}}")


def print_end(began: float, folder: Path | None) -> None:
    """What it took in all, where things are, and how to do it again."""
    print_where(began, folder)
    if folder is not None:
        print(f"again: fnn train --config {shlex.quote(str(folder))}")


def print_where(began: float, folder: Path | None) -> None:
    """What it took in all, and what is in the folder, but for what is hidden."""
    print(f"{time.perf_counter() - began:.1f} s in all, reading and compiling included")
    if folder is not None:
        files = ", ".join(path.name for path in sorted(folder.iterdir()) if path.name[0] != ".")
        print(f"{folder} holds {files}")


def plural(word: str, count: int) -> str:
    """The word as it goes with that many."""
    return word if count == 1 else f"{word}s"


def headlines(made: TrainResult | EnsembleResult) -> Sequence[str]:
    """The metrics in the order in which they are told; the loss only where there is no other."""
    names = [name for name in made.run.metric_names if name != "loss"]
    return sorted(names, key=lambda name: name != "r2") or ["loss"]
