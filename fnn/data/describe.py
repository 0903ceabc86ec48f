"""A description of a dataset, as a table of text."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from fnn.data.dataset import Dataset
from fnn.data.tables.table import Table, is_categories, missing_in

MAX_LISTED = 40
"""the most columns and classes that are listed"""
HEADER = ("column", "kind", "min", "mean", "max", "missing")


def describe(dataset: Dataset) -> str:
    """Rows, columns (kind, range, mean, missing values), and the target's classes or range."""
    with np.errstate(over="ignore"):  # a mean beyond float64 is shown as infinite
        inputs, target = _inputs(dataset), _target(dataset)
    shape = " × ".join(f"{size:,}" for size in dataset.inputs.shape[1:])
    rows = f"{len(dataset.target):,} rows"
    if dataset.test is not None:
        rows += f" and {len(dataset.test.target):,} of an official test part"
    lines = [f"{dataset.name}: {rows}, {shape} inputs, {dataset.task}", ""]
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
    title = "target" if dataset.target_name == "target" else f"target {dataset.target_name}"
    if dataset.classes is None:
        lines = [f"{title}: {dataset.outputs} number{'s' * (dataset.outputs > 1)} a row"]
        columns = target.reshape(len(target), -1).T[:MAX_LISTED]
        rows = [_format_values(c, c.min(), c.mean(), c.max(), c.std()) for c in columns]
        return lines + align([("min", "mean", "max", "std"), *rows], left=0)
    counts = np.bincount(target, minlength=len(dataset.classes))
    table = [
        (name, f"{count:,}", f"{count / len(target):.1%}")
        for name, count in zip(dataset.classes, counts, strict=True)
    ]
    lines = [f"{title}: {len(table)} classes"]
    lines += align([("class", "rows", "share"), *table[:MAX_LISTED]], left=1)
    if len(table) > MAX_LISTED:
        lines.append(f"… and {len(table) - MAX_LISTED:,} more classes")
    return lines


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
