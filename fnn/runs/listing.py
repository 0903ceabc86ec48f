"""Past runs as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fnn.files import explained, field, read_record
from fnn.metrics.format import format_metric
from fnn.runs.digests import FORMAT
from fnn.runs.folder import Record, RunFolder
from fnn.runs.kinds import kind_of, resume_command
from fnn.runs.search import SearchFolder
from fnn.spec.errors import FnnError, choice


@dataclass(frozen=True)
class RunSummary:
    """One run in a line; None where it was not reached.

    `validation` (at the best epoch) and `test` are values of `metric`, by which epochs were
    compared.
    """

    name: str
    status: str
    data: str | None = None
    epochs: int | None = None
    best: int | None = None
    metric: str | None = None
    validation: float | None = None
    test: float | None = None
    parameters: int | None = None
    seconds: float | None = None
    started: datetime | None = None
    problem: str | None = None
    """what is damaged"""
    resume_command: str | None = None
    """the command that resumes it"""


COLUMNS: dict[str, Callable[[Any], str]] = {
    "name": str,
    "data": str,
    "status": str,
    "epochs": "{:,}".format,
    "best": "{:,}".format,
    "metric": str,
    "validation": format_metric,
    "test": format_metric,
    "parameters": "{:,}".format,
    "seconds": "{:,.1f}".format,
    "started": "{:%Y-%m-%d %H:%M}".format,
}
"""the columns of the table, and their formats"""


PARTS = ("config.json", "search.json", "metrics.jsonl", "result.json", "model")
"""what the folder of a run holds, or some of it"""


def list_runs(parent: str | Path = "runs") -> list[RunSummary]:
    """The runs in a folder, by name; none where there is no such folder.

    A folder that can't be read as a run is listed as damaged, with the reason; one that holds none
    of a run's files is left out, and so is a link to the folder itself or to one above it.
    Raises `FnnError` where the folder itself is a file or can't be read.
    """
    parent = Path(parent)
    with explained(parent):
        if not parent.exists():
            return []
        here = parent.resolve()
        folders = [path for path in parent.iterdir() if path.is_dir() and path.name[0] != "."]
        folders = [path for path in folders if path.resolve() not in (here, *here.parents)]
        runs = [path for path in folders if any((path / part).exists() for part in PARTS)]
    return [summarize(path) for path in sorted(runs)]


def summarize(path: str | Path) -> RunSummary:
    """A run in a line; one that can't be read as damaged, with the reason."""
    path = Path(path)
    try:
        if kind_of(path) == "search":  # which has no config.json before its end
            return _summary(SearchFolder.resume(path))
        return _summary(RunFolder.open(path))
    except FnnError as error:
        return RunSummary(path.name, "damaged", problem=str(error))


def _summary(run: RunFolder) -> RunSummary:
    started, result, kind = _started(run), run.result, kind_of(run.path)
    prefix = "" if kind == "run" else f"{kind}, "
    if result is None:
        rows = run.history()
        epochs = field(rows[-1], "epoch", int, run.path / "metrics.jsonl") if rows else 0
        status = f"{prefix}running or killed"
        return RunSummary(
            **started, status=status, epochs=epochs, resume_command=resume_command(run.path)
        )
    file = run.path / "result.json"
    metric, status = field(result, "metric", str, file), field(result, "status", str, file)
    return RunSummary(
        **started,
        status=prefix + status,
        epochs=field(result, "epochs", int, file),
        best=field(result, "best_epoch", int | None, file),
        metric=metric,
        validation=_value(result, "validation", metric, file),
        test=_value(result, "test", metric, file),
        seconds=field(result, "seconds", int | float | None, file),
        resume_command=resume_command(run.path) if status == "interrupted" else None,
    )


def _started(run: RunFolder) -> dict[str, Any]:
    """What is known from the start: of a search, until it has a best run, by search.json."""
    file = run.path / "config.json"
    parameters = None
    if file.exists():
        config = run.config
        parameters = field(config, "parameters", int, file)
    else:
        file = run.path / "search.json"
        config = read_record(file, FORMAT)
    return {
        "name": run.path.name,
        "data": field(config, "data.name", str, file),
        "parameters": parameters,
        "started": _time(field(config, "started", str, file), file),
    }


def _value(result: Record, part: str, metric: str, file: Path) -> float | None:
    if field(result, part, dict | None, file) is None:
        return None
    value: float | None = field(result, f"{part}.{metric}", int | float | None, file)
    return value


def _time(text: str, file: Path) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise FnnError(f"expected a date and time, got {text!r}", str(file)) from None


def table(runs: Sequence[RunSummary], sort: str = "started", reverse: bool = False) -> str:
    """Runs as text, a line each, sorted by a column of `COLUMNS`; gaps and NaN come last.

    Damaged runs have a line below the table with the reason, and what can be resumed has one with
    the command. Raises `FnnError` for an unknown column, naming the nearest.
    """
    if sort not in COLUMNS:
        raise FnnError(f"no column {sort!r}{choice(sort, COLUMNS)}")
    if not runs:
        return "no runs yet"
    known = [run for run in runs if _is_known(getattr(run, sort))]
    known.sort(key=lambda run: getattr(run, sort), reverse=reverse)
    ordered = known + [run for run in runs if not _is_known(getattr(run, sort))]
    columns = [_column(name, ordered) for name in COLUMNS]
    lines = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
    problems = [f"{run.name} is damaged: {run.problem}" for run in ordered if run.problem]
    unfinished = [_unfinished(run) for run in ordered if run.resume_command]
    rule = "─" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:], *problems, *unfinished])


def _unfinished(run: RunSummary) -> str:
    """How to resume it; a process that was killed could not record that it ended."""
    first = "if it is not running, " if run.status.endswith("running or killed") else ""
    return f"{run.name} has not come to its end: {first}go on: {run.resume_command}"


def _is_known(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _column(name: str, runs: Sequence[RunSummary]) -> list[str]:
    """A column with its heading: words to the left, figures to the right."""
    values = [getattr(run, name) for run in runs]
    cells = [name, *("" if value is None else COLUMNS[name](value) for value in values)]
    width = max(map(len, cells))
    figures = COLUMNS[name] is not str and name != "started"
    return [cell.rjust(width) if figures else cell.ljust(width) for cell in cells]
