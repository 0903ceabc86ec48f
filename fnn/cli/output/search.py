"""What `fnn search` prints: what it will do, how it goes, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fnn.cli.options.axes import told
from fnn.cli.output.run import plural, print_rows, print_where
from fnn.cli.output.sweep import axis_told, print_resume_hint, reproduce_command
from fnn.cli.test_protocol import Tested, headlines

if TYPE_CHECKING:
    from fnn.cli.commands.search import SearchCommand as Options
    from fnn.data import Prepared
    from fnn.search import SearchResult
    from fnn.training import TrainingEvent

METHODS = {
    "bayes": "chosen by what others came to",
    "random": "at random",
    "grid": "all there are",
    "halving": "at random, of which ever fewer go on",
}


def print_plan(options: Options, prepared: Prepared) -> None:
    """The rows, what is varied, and how it is searched."""
    print_rows(prepared)
    for name, axis in options.axes.items():
        print(f"  {name}: {axis_told(axis)}")
    epochs = options.training.length(len(prepared.train.target))
    count = "" if options.method == "grid" else f"{options.tries:,} "
    length = f"{epochs:,} {plural('epoch', epochs)}"
    print(f"{count}settings, {METHODS[options.method]}, of {length}", flush=True)


def print_batch(event: TrainingEvent) -> None:
    """How many trials there were, and the best so far."""
    from fnn.metrics import format_metric

    search = event.search
    assert search is not None
    best = "none has a finite value"
    if search.settings is not None:
        metric = search.metric.replace("_", " ")
        best = f"best {metric} {format_metric(search.value)}, {told(search.settings)}"
    print(f"  {search.done:,} of {search.trials:,}: {best} ({event.seconds:.0f} s)", flush=True)


def print_rung(event: TrainingEvent) -> None:
    """Who came so far, and who goes on."""
    from fnn.metrics import format_metric

    rung = event.rung
    assert rung is not None
    lost = f", {rung.diverged:,} diverged" if rung.diverged else ""
    goes = (
        "" if rung.kept == rung.members else f", {rung.kept:,} go on from {format_metric(rung.bar)}"
    )
    print(
        f"  epoch {rung.epochs:,}: {rung.members:,} here{lost}, "
        f"best {format_metric(rung.best)}{goes}; "
        f"{rung.spent:,} epochs trained in all",
        flush=True,
    )


def print_search(
    options: Options,
    made: SearchResult,
    test: Tested | None,
    prepared: Prepared,
    began: float,
    folder: Path | None,
) -> None:
    """What it took, the best setting with its test metrics, and where things are."""
    _print_cost(made)
    if test is not None and prepared.test is not None:
        _print_best(options, made, test, len(prepared.test.target))
    print_where(began, folder)
    if made.interrupted is not None:
        print(print_resume_hint(folder))


def _print_cost(made: SearchResult) -> None:
    done = sum(outcome.status != "interrupted" for outcome in made.outcomes)
    if made.interrupted is not None:
        print(f"interrupted: {done:,} of {made.members:,} settings have ended")
    diverged = sum(outcome.status == "diverged" for outcome in made.outcomes)
    lost = f", {diverged:,} diverged" if diverged else ""
    print(
        f"{len(made.outcomes):,} settings, {made.spent:,} epochs in all{lost}; "
        f"{made.seconds:.1f} s, {made.compile_seconds:.1f} s of it compiling"
    )


def _print_best(options: Options, made: SearchResult, test: Tested, rows: int) -> None:
    from fnn.metrics import format_metric

    best = test.setting.members[0]
    print(f"best setting: {told(best.member.settings)}")
    if best.best_epoch is not None:
        print(f"kept epoch {best.best_epoch:,} of {best.epochs:,}")
    value = best.values[made.metric]
    print(
        f"{made.metric.replace('_', ' ')} {format_metric(value)}: the best of many, so it flatters"
    )
    scores = ", ".join(f"{name} {format_metric(test.means[name])}" for name in headlines(made))
    print(f"test {scores} ({rows:,} rows, measured once)")
    print(reproduce_command(options.single_run_options, test.setting))
