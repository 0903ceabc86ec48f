"""What `fnn search` prints: its plan, its progress, and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fnn.cli.options.values import format_settings
from fnn.cli.output.run import plural, print_rows
from fnn.cli.output.sweep import print_axes

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.search import SearchResult
    from fnn.sweeps import Range
    from fnn.sweeps.test_protocol import MeasuredSetting
    from fnn.training import TrainingEvent

METHODS = {
    "bayes": "chosen by what others came to",
    "random": "at random",
    "grid": "all there are",
    "halving": "at random, of which ever fewer go on",
}


def print_plan(
    axes: Mapping[str, Sequence[object] | Range],
    prepared: Prepared,
    method: str,
    trials: int | None,
    epochs: int,
) -> None:
    """The rows, what is varied, and how it is searched; None for all trials there are."""
    print_rows(prepared)
    print_axes(axes)
    count = "" if trials is None else f"{trials:,} "
    length = f"{epochs:,} {plural('epoch', epochs)}"
    print(f"{count}settings, {METHODS[method]}, of {length}", flush=True)


def print_batch(event: TrainingEvent) -> None:
    """How many trials there were, and the best so far."""
    from fnn.metrics import format_metric

    search = event.search
    assert search is not None
    best = "none has a finite value"
    if search.settings is not None:
        metric, settings = search.metric.replace("_", " "), format_settings(search.settings)
        best = f"best {metric} {format_metric(search.value)}, {settings}"
    print(f"  {search.done:,} of {search.trials:,}: {best} ({event.seconds:.0f} s)", flush=True)


def print_rung(event: TrainingEvent) -> None:
    """How many members came to a rung, and how many are kept."""
    from fnn.metrics import format_metric

    rung = event.rung
    assert rung is not None
    lost = f", {rung.diverged:,} diverged" if rung.diverged else ""
    kept = (
        "" if rung.kept == rung.members else f", {rung.kept:,} go on from {format_metric(rung.bar)}"
    )
    print(
        f"  epoch {rung.epochs:,}: {rung.members:,} here{lost}, "
        f"best {format_metric(rung.best)}{kept}; "
        f"{rung.spent:,} epochs trained in all",
        flush=True,
    )


def print_cost(result: SearchResult) -> None:
    """What it took."""
    done = sum(outcome.status != "interrupted" for outcome in result.outcomes)
    if result.interrupted is not None:
        print(f"interrupted: {done:,} of {result.members:,} settings have ended")
    diverged = sum(outcome.status == "diverged" for outcome in result.outcomes)
    lost = f", {diverged:,} diverged" if diverged else ""
    print(
        f"{len(result.outcomes):,} settings, {result.spent:,} epochs in all{lost}; "
        f"{result.seconds:.1f} s, {result.compile_seconds:.1f} s of it compiling"
    )


def print_best(result: SearchResult, test: MeasuredSetting, rows: int) -> None:
    """The best setting, and its test metrics."""
    from fnn.metrics import format_metric
    from fnn.sweeps.test_protocol import sweep_headlines

    best, name = test.setting.members[0], result.metric.replace("_", " ")
    print(f"best setting: {format_settings(best.member.settings)}")
    if best.best_epoch is not None:
        print(f"kept epoch {best.best_epoch:,} of {best.epochs:,}")
    print(f"{name} {format_metric(best.values[result.metric])}: the best of many, so it flatters")
    metrics = [f"{name} {format_metric(test.means[name])}" for name in sweep_headlines(result)]
    print(f"test {', '.join(metrics)} ({rows:,} rows, measured once)")
