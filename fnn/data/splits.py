"""Splits of rows into training, validation and test parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.data.errors import DataError

FRACTIONS = (0.6, 0.2, 0.2)


class Split(NamedTuple):
    """Row numbers, ascending; every row is in exactly one part."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split(
    target: np.ndarray,
    fractions: Sequence[float] = FRACTIONS,
    *,
    seed: int = 0,
    stratify: bool = True,
    classes: Sequence[str] | None = None,
) -> Split:
    """Split the rows at random: `fractions` (or percent) for train, validation and perhaps test.

    Sizes are `fractions` times the rows, rounded by largest remainder. Where the target is class
    numbers, `stratify` keeps each class's rows in each part within one of proportional. The seed
    seeds a NumPy Generator, not a JAX key. A fraction of 0 leaves a part empty.

    Errors: fractions that are negative or do not sum to 1; a part that would get no rows; a class
    with fewer rows than there are parts (`classes` are the names in that message).
    """
    part_fractions = normalized_fractions(fractions)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DataError(f"expected a whole number from 0 up, got {seed!r}", "seed")
    sizes = _sizes(len(target), part_fractions)
    groups = np.zeros(len(target), np.intp)
    if stratify and np.issubdtype(target.dtype, np.integer):
        groups = _groups(target, int(np.count_nonzero(part_fractions)), classes)
    table = _table(np.bincount(groups), sizes)
    order = np.random.default_rng(seed).permutation(len(target))
    order = order[np.argsort(groups[order], kind="stable")]
    part = np.repeat(np.tile(np.arange(len(sizes)), len(table)), table.ravel())
    return Split(*(np.sort(order[part == number]) for number in range(len(sizes))))


def normalized_fractions(fractions: Sequence[float]) -> NDArray[np.float64]:
    """Fractions, or percent, for three parts as fractions that sum to 1, checked."""
    part_fractions = np.array([*fractions, *(0,) * (3 - len(fractions))], np.float64)
    valid = len(fractions) in (2, 3) and bool(np.all(part_fractions >= 0)) and part_fractions[0] > 0
    total = 100 if part_fractions.sum() > 50 else 1
    if not valid or abs(part_fractions.sum() / total - 1) > 1e-6:
        raise DataError(
            "expected a fraction for train, validation and perhaps test, none negative, "
            f"the first above 0, that sum to 1 (or 100); got {tuple(fractions)}",
            "fractions",
        )
    return part_fractions / total


def _sizes(rows: int, part_fractions: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows a part by largest remainder; ties go to the earlier part."""
    exact = rows * part_fractions / part_fractions.sum()
    sizes = np.floor(exact).astype(np.intp)
    largest = np.argsort(sizes - exact, kind="stable")
    sizes[largest[: rows - sizes.sum()]] += 1
    if np.any((sizes == 0) & (part_fractions > 0)):
        train, validation, test = sizes
        raise DataError(
            f"{rows} rows are too few for the fractions {tuple(part_fractions.tolist())}: "
            f"{train} would train, {validation} validate, {test} test"
        )
    return sizes


def _groups(target: np.ndarray, parts: int, names: Sequence[str] | None) -> NDArray[np.intp]:
    """Each row's class, numbered 0, 1, … without gaps."""
    if target.ndim != 1:
        raise DataError(f"expected one class number a row, got shape {target.shape}", "target")
    classes, groups, counts = np.unique(target, return_inverse=True, return_counts=True)
    rarest = counts.argmin()
    if counts[rarest] < parts:
        name = classes[rarest] if names is None else repr(names[classes[rarest]])
        raise DataError(
            f"class {name} has {counts[rarest]} of {len(target)} rows, too few to be in {parts} "
            "parts; leave it out or split without stratifying (--no-stratify, stratify=False)"
        )
    return groups


def _table(counts: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of each class in each part, with these sums, each within one of proportional.

    Proportional shares are rounded down; then each class in turn assigns its remaining
    rows to the parts that still lack most. That the sums are met in the end is Gale and Ryser's
    theorem (Ryser, "Combinatorial properties of matrices of zeros and ones", 1957).
    """
    table, remainder = np.divmod(np.outer(counts, sizes), counts.sum())
    lacking = sizes - table.sum(axis=0)
    for row, remaining in enumerate(counts - table.sum(axis=1)):
        takers = np.lexsort((-remainder[row], -lacking))[:remaining]
        table[row, takers] += 1
        lacking[takers] -= 1
    return table
