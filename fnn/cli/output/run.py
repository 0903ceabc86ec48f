"""What a run prints: its plan, a table of epochs, and the result."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from fnn.data import Prepared
    from fnn.training import Run, TrainingEvent
    from fnn.training.train import TrainResult

PATIENCE = 10
"""epochs without a better one that a run without --patience is compared with"""
WIDTH = 9
"""of a column of figures, such as 1.235e+09"""


def print_plan(
    run: Run, prepared: Prepared, *, hidden: Sequence[int], activation: str, optimizer: str
) -> None:
    """The rows, the network and how it learns."""
    from fnn.network_summary import parameter_count
    from fnn.shapes import shape

    print_rows(prepared, target=True)
    fitted = prepared.preprocessing
    inputs = "×".join(map(str, fitted.in_shape))
    widths = "-".join(map(str, (inputs, *hidden, fitted.outputs)))
    parameters = parameter_count(run.objective.net, shape(*fitted.in_shape))
    print(f"network {widths}, {activation}, {parameters:,} parameters")
    rate = getattr(run.optimizer, "learning_rate", None)
    size = "all rows at once" if run.batch_size == "full" else f"batches of {run.batch_size}"
    print(f"{optimizer} at rate {rate!r}, {size}", flush=True)


def print_rows(prepared: Prepared, *, target: bool = False) -> None:
    """How many rows there are of each part, perhaps what the target is, notes on the encoding."""
    from fnn.data.describe import summarize_target

    rows = (prepared.train, prepared.validation, prepared.test)
    train, validation, test = (f"{0 if part is None else len(part.target):,}" for part in rows)
    name = prepared.dataset.name
    print(f"{name}: {train} rows to train on, {validation} to validate, {test} to test")
    if target:
        print(summarize_target(prepared.dataset))
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
        """One epoch, under a heading if it is the first; those of single layers are left out."""
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


def print_result(result: TrainResult) -> None:
    """How the run ended, and its test metric."""
    from fnn.metrics import format_metric
    from fnn.sweeps.test_protocol import headline_metrics

    if result.status == "interrupted" and not int(result.run_state.epoch):
        print(f"interrupted in the first epoch, at step {int(result.run_state.step):,}")
        return
    timing, epochs = result.timing, int(result.run_state.epoch)
    ended = "" if result.status == "finished" else f", {result.status}"
    print(
        f"trained {epochs:,} {plural('epoch', epochs)}{ended} in "
        f"{timing.seconds:.1f} s on {timing.device}: {timing.examples_per_second:,.0f} rows a "
        f"second, after {timing.compile_seconds:.1f} s of compiling"
    )
    if result.best is not None:
        best = result.best
        print(f"kept epoch {best.epoch:,}, validation {best.metric} {format_metric(best.value)}")
        end = earlier_end(result.history[f"validation_{best.metric}"], best.epoch)
        if end is not None and result.status == "finished":
            print(
                f"  of {epochs:,}: --patience {PATIENCE} would have ended at {end:,} with the same"
            )
    if result.test is not None and result.prepared.test is not None:
        names = headline_metrics(result.run.metric_names)
        metrics = ", ".join(f"{name} {format_metric(result.test[name])}" for name in names)
        print(f"test {metrics} ({len(result.prepared.test.target):,} rows)")


def earlier_end(values: np.ndarray, best: int) -> int | None:
    """The epoch at which patience would have ended a run with the same best one; None without gain.

    values: the metric of each epoch by which the run selects, NaN where it was not validated.
    best: the epoch that was kept, counted from 1.
    """
    import numpy as np

    sign = np.sign(np.nanmax(values) - values[best - 1]) or -1.0  # 1 where smaller is better
    lowest, waited = np.inf, 0
    for epoch, value in enumerate(sign * values, start=1):
        if np.isnan(value):
            continue
        lowest, waited = (value, 0) if value < lowest else (lowest, waited + 1)
        if waited == PATIENCE:
            return epoch if best <= epoch <= len(values) / 2 else None
    return None


def print_end(started: float, folder: Path | None, interrupted: bool) -> None:
    """What it took in all, what the folder holds, and how to repeat it or to go on."""
    from fnn.runs.kinds import resume_command

    print_where(started, folder)
    command = resume_command(folder) if interrupted and folder is not None else None
    if command is not None:
        print(f"go on: {command}")
    elif folder is not None:
        print(f"again: fnn train --config {shlex.quote(str(folder))}")


def print_where(started: float, folder: Path | None) -> None:
    """What it took in all, and what is in the folder, but for what is hidden."""
    print(f"{time.perf_counter() - started:.1f} s in all, reading and compiling included")
    if folder is not None:
        files = ", ".join(path.name for path in sorted(folder.iterdir()) if path.name[0] != ".")
        print(f"{folder} holds {files}")


def plural(word: str, count: int) -> str:
    """The word as it goes with that many."""
    return word if count == 1 else f"{word}s"
