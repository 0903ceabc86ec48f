"""A description of a dataset, as a table of text."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from fnn.data.dataset import Dataset
from fnn.data.tables.table import Table, is_categories, missing_in

MAX_LISTED = 40
"""the most columns and classes that are listed"""
SHARES = 5
"""of the most frequent classes, in one line"""
HEADER = ("column", "kind", "min", "mean", "max", "missing")


def describe(dataset: Dataset) -> str:
    """Rows, columns (kind, range, mean, missing values), and the target's classes or range."""
    with np.errstate(over="ignore"):  # a mean beyond float64 is shown as infinite
        inputs, target = _inputs(dataset), _target(dataset)
    shape = " × ".join(f"{size:,}" for size in dataset.inputs.shape[1:])
    rows = f"{len(dataset.target):,} rows"
    if dataset.test is not None:
        rows += f" and {len(dataset.test.target):,} of an official test part"
    task = dataset.task if dataset.labels is None else "multilabel"
    lines = [f"{dataset.name}: {rows}, {shape} inputs, {task}", ""]
    lines += [*inputs, "", *target]
    lines += [f"note: {note}" for note in dataset.notes]
    return "\n".join(lines)


def _inputs(dataset: Dataset) -> list[str]:
    inputs = dataset.inputs
    if isinstance(inputs, Table):
        columns = list(inputs.columns.items())
    elif dataset.divisor is not None or inputs.ndim > 2:
        divided = "" if dataset.divisor is None else f"; divided by {dataset.divisor:g} to train"
        mean = inputs.mean(dtype=np.float64)
        statistics = f"min {inputs.min():g}, mean {mean:.4g}, max {inputs.max():g}"
        return [f"all inputs share one scale: {statistics}{divided}"]
    else:
        names = dataset.columns or [f"x[{number}]" for number in range(inputs.shape[1])]
        columns = list(zip(names, inputs.T, strict=True))
    lines = align([HEADER, *(_column(name, values) for name, values in columns[:MAX_LISTED])])
    if len(columns) > MAX_LISTED:
        lines.append(f"… and {len(columns) - MAX_LISTED:,} more columns")
    return lines


def _column(name: str, values: np.ndarray) -> tuple[str, ...]:
    if not is_categories(values):
        missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
        present = values[~missing].astype(np.float64)
        if not present.size:
            return (name, "numbers", "", "", "", f"{missing.sum():,}")
        statistics = _format_values(present, present.min(), present.mean(), present.max())
        return (name, "numbers", *statistics, f"{missing.sum():,}")
    counts = Counter(value for value in values if value is not None)
    kind = f"{len(counts):,} categories"
    return (name, kind, "", "", "", f"{missing_in(values).sum():,}")


def _format_values(values: np.ndarray, *statistics: float) -> tuple[str, ...]:
    """Values in 6 digits, or in more where all are far from 0 relative to their range."""
    spread, largest = float(np.ptp(values)), float(np.abs(values).max())
    more = math.floor(math.log10(largest / spread)) if 0 < spread < largest < math.inf else 0
    return tuple(f"{figure:.{min(6 + more, 17)}g}" for figure in statistics)


def _target(dataset: Dataset) -> list[str]:
    target = dataset.target
    title = _title(dataset)
    if dataset.labels is not None:
        counts = target.sum(0)
        lines = [f"{title}: {len(dataset.labels)} yes/no labels"]
        return lines + _frequencies("label", dataset.labels, counts, len(target))
    if dataset.classes is None:
        lines = [f"{title}: {dataset.outputs} number{'s' * (dataset.outputs > 1)} a row"]
        columns = target.reshape(len(target), -1).T[:MAX_LISTED]
        rows = [_format_values(c, c.min(), c.mean(), c.max(), c.std()) for c in columns]
        return lines + align([("min", "mean", "max", "std"), *rows], left=0)
    counts = np.bincount(target, minlength=len(dataset.classes))
    lines = [f"{title}: {len(dataset.classes)} classes"]
    return lines + _frequencies("class", dataset.classes, counts, len(target))


def _title(dataset: Dataset) -> str:
    return "target" if dataset.target_name == "target" else f"target {dataset.target_name}"


def _frequencies(kind: str, names: tuple[str, ...], counts: np.ndarray, rows: int) -> list[str]:
    table = [
        (name, f"{count:,.0f}", f"{count / rows:.1%}")
        for name, count in zip(names, counts, strict=True)
    ]
    lines = align([(kind, "rows", "share"), *table[:MAX_LISTED]], left=1)
    if len(table) > MAX_LISTED:
        lines.append(f"… and {len(table) - MAX_LISTED:,} more {kind}{'es' * (kind == 'class')}")
    return lines


def summarize_target(dataset: Dataset) -> str:
    """One line: what the target is taken for, its shares, and what is reached without the inputs.

    That is, the share of the most frequent class, or for numbers their deviation, which is the
    error (RMSE) of the mean. Rows of an official test part don't count.
    """
    target, title = (
        dataset.target,
        f"target {dataset.target_name}".replace("target target", "target"),
    )
    if dataset.labels is not None:
        frequent = _largest_shares(dataset.labels, target.mean(0))
        always = np.maximum(target.mean(0), 1 - target.mean(0)).mean()
        many = f"{len(dataset.labels)} yes/no labels"
        return f"{title}: {many} ({frequent}); the likelier answer to each: accuracy {always:.4f}"
    if dataset.classes is not None:
        share = np.bincount(target, minlength=len(dataset.classes)) / len(target)
        frequent = _largest_shares(dataset.classes, share)
        many = f"{len(dataset.classes)} classes"
        return f"{title}: {many} ({frequent}); the largest alone: accuracy {share.max():.4f}"
    if target.ndim > 1:
        return f"{title}: {dataset.outputs} numbers a row"
    low, mean, high, std = _format_values(
        target, target.min(), target.mean(), target.max(), target.std()
    )
    return f"{title}: numbers from {low} to {high}; their mean {mean} alone: r2 0, RMSE {std}"


def _largest_shares(names: tuple[str, ...], fractions: np.ndarray) -> str:
    """The largest shares, in percent."""
    order = np.argsort(-fractions, kind="stable")[:SHARES]
    parts = [f"{names[index]} {fractions[index]:.1%}" for index in order]
    return ", ".join([*parts, *(["…"] if len(names) > SHARES else [])])


def align(rows: list[tuple[str, ...]], left: int = 2) -> list[str]:
    """Rows of cells as lines of equal columns, the first `left` of them flush left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
