"""What was measured, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

from experiments.peers.training.contestants import ENTRIES, TITLES
from experiments.peers.training.rounds import Record
from experiments.peers.training.targets import Ratio, Verdict, relative
from experiments.peers.training.workloads import Workload

REACHED = {True: "reached", False: "NOT reached", None: "–"}


def heading(work: Workload) -> str:
    """What a work is, in one line."""
    network = f"{work.name}: {'-'.join(map(str, work.sizes))}, {work.activation}"
    if work.name == "predict":
        return f"{network}; rows and outputs on the host"
    if work.dropout is not None:
        network += f", dropout {work.dropout:g}"
    batches = "full batches" if work.whole else f"batches of {work.batch}"
    return f"{network}; {work.rows:,} rows in {batches}; {work.optimizer} at {work.rate:g}"


def table(records: Sequence[Record], shown: int = 1) -> Iterator[str]:
    """A work's contestants, a line each: every task's median and its ratio to fnn's.

    Then the very first (epoch), compiling included, what the last turn gave (of a training work the
    loss on test rows), peak memory, and how long the import took. Epochs are shown by so many.
    """
    tasks = list(dict.fromkeys(task for record in records for task in record.tasks))
    (work,) = {record.work for record in records}
    ratios = {task: relative(records, work, task) for task in tasks}
    names = {task: f"{shown:,} epochs" if task == "epoch" and shown > 1 else task for task in tasks}
    heads = [cell for task in tasks for cell in (names[task], "× fnn", "middle half")]
    yield _cells("", heads) + _more("first", "result", "peak", "import")
    for record in records:
        title = TITLES[record.contestant]
        if record.failure:
            yield f"{title:<30}{record.failure}"
            continue
        cells: list[str] = []
        for task in tasks:
            timed = record.tasks[task]
            factor = shown if task == "epoch" else 1
            cells += [seconds(timed.median * factor), *_ratio(ratios[task].get(record.contestant))]
        yield _cells(title, cells) + _rest(record, tasks)


def notes(records: Sequence[Record], work: Workload) -> Iterator[str]:
    """What has to be known beside a table."""
    scaled = [TITLES[record.contestant] for record in records if ENTRIES[record.contestant].slow]
    if work.slow_epochs < work.epochs and scaled:
        yield f"{work.slow_epochs:,} epochs a turn instead of {work.epochs:,}: {', '.join(scaled)}"
    waiting = max(record.waiting for record in records)
    yield f"waiting for a turn used at most {1e3 * waiting:.0f} ms of CPU"


def targets(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Each goal, what came of it, and whether it was reached."""
    for verdict in verdicts:
        reached = REACHED[verdict.reached]
        yield f"{reached:<13}{verdict.subject:<22}{verdict.wanted:<44}{verdict.found}"
    judged = [verdict.reached for verdict in verdicts if verdict.reached is not None]
    missing = len(verdicts) - len(judged)
    yield f"{sum(judged)} of {len(judged)} goals reached; not measured: {missing}"


def seconds(value: float) -> str:
    """A time with its unit."""
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if value * factor >= 1:
            return f"{times(value * factor)} {unit}"
    return "–" if isnan(value) else f"{1e6 * value:.3g} µs"


def times(value: float) -> str:
    """A number with three digits at least, and without an exponent where it is large."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _ratio(ratio: Ratio | None) -> tuple[str, str]:
    if ratio is None:
        return "–", ""
    return times(ratio.middle), f"{times(ratio.low)} to {times(ratio.high)}"


def _rest(record: Record, tasks: Sequence[str]) -> str:
    result = record.tasks[tasks[-1]].value
    return _more(
        seconds(record.tasks[tasks[0]].first),
        "–" if isnan(result) else f"{result:.4f}",
        f"{record.memory / 1e6:.0f} MB" if record.memory else "–",
        seconds(record.importing),
    )


def _cells(title: str, cells: Sequence[str]) -> str:
    widths = (13, 8, 17)
    return f"{title:<30}" + "".join(
        f"{cell:>{widths[number % 3]}}" for number, cell in enumerate(cells)
    )


def _more(*cells: str) -> str:
    return "".join(f"{cell:>10}" for cell in cells)
