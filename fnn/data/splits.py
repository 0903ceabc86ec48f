"""Which rows train, which choose, which report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import Dataset, Part, Parts
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
) -> Split:
    """Deal the rows out at random: `fractions` for train, validation and, if wanted, test.

    Sizes are `fractions` times the rows, rounded by largest remainder. Where the target is class
    numbers, `stratify` keeps each class's rows in each part within one of proportional. The seed
    is for a NumPy Generator: JAX's keys have no part in it. A fraction of 0 leaves a part empty.

    Errors: fractions that are negative or do not sum to 1; a part that would get no rows; a class
    with fewer rows than there are parts.
    """
    shares = _shares(fractions)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DataError(f"expected a whole number from 0 up, got {seed!r}", "seed")
    sizes = _sizes(len(target), shares)
    groups = np.zeros(len(target), np.intp)
    if stratify and np.issubdtype(target.dtype, np.integer):
        groups = _groups(target, parts=int(np.count_nonzero(shares)))
    table = _table(np.bincount(groups), sizes)
    order = np.random.default_rng(seed).permutation(len(target))
    order = order[np.argsort(groups[order], kind="stable")]
    part = np.repeat(np.tile(np.arange(len(sizes)), len(table)), table.ravel())
    return Split(*(np.sort(order[part == number]) for number in range(len(sizes))))


def parts(
    dataset: Dataset,
    fractions: Sequence[float] = FRACTIONS,
    *,
    seed: int = 0,
    stratify: bool = True,
) -> Parts:
    """The arrays of a `split`; an official test part stays as it is.

    With an official test part, train and validation share the other rows in the ratio of their
    fractions: 60-20-20 splits them 75-25.
    """
    shares = _shares(fractions)
    if dataset.test is not None:
        shares = np.array([*shares[:2], 0]) / shares[:2].sum()
    rows = split(dataset.target, shares.tolist(), seed=seed, stratify=stratify)
    train, validation, test = (Part(dataset.x[index], dataset.target[index]) for index in rows)
    return Parts(train, validation, dataset.test or test)


def _shares(fractions: Sequence[float]) -> NDArray[np.float64]:
    """Three fractions that sum to 1, checked."""
    shares = np.array([*fractions, *(0,) * (3 - len(fractions))], np.float64)
    sound = len(fractions) in (2, 3) and bool(np.all(shares >= 0)) and shares[0] > 0
    if not sound or abs(shares.sum() - 1) > 1e-6:
        raise DataError(
            "expected a fraction for train, validation and perhaps test, none negative, "
            f"the first above 0, that sum to 1; got {tuple(fractions)}",
            "fractions",
        )
    return shares


def _sizes(rows: int, shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows a part by largest remainder; ties go to the earlier part."""
    exact = rows * shares / shares.sum()
    sizes = np.floor(exact).astype(np.intp)
    largest = np.argsort(sizes - exact, kind="stable")
    sizes[largest[: rows - sizes.sum()]] += 1
    if np.any((sizes == 0) & (shares > 0)):
        train, validation, test = sizes
        raise DataError(
            f"{rows} rows are too few for the fractions {tuple(shares.tolist())}: "
            f"{train} would train, {validation} validate, {test} test"
        )
    return sizes


def _groups(target: np.ndarray, parts: int) -> NDArray[np.intp]:
    """Each row's class, numbered 0, 1, … without gaps."""
    if target.ndim != 1:
        raise DataError(f"expected one class number a row, got shape {target.shape}", "target")
    classes, groups, counts = np.unique(target, return_inverse=True, return_counts=True)
    rarest = counts.argmin()
    if counts[rarest] < parts:
        raise DataError(
            f"class {classes[rarest]} has {counts[rarest]} of {len(target)} rows, too few to be "
            f"in {parts} parts; leave it out or split without stratifying (stratify=False)"
        )
    return groups


def _table(counts: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of each class in each part: sums as given, each entry within one of proportional.

    Proportional shares are rounded down; then each class in turn gives a row, for what is left of
    it, to the parts that still lack most. That this comes out even is Gale and Ryser's theorem
    (Ryser, "Combinatorial properties of matrices of zeros and ones", 1957).
    """
    table, remainder = np.divmod(np.outer(counts, sizes), counts.sum())
    lacking = sizes - table.sum(axis=0)
    for row, left in enumerate(counts - table.sum(axis=1)):
        chosen = np.lexsort((-remainder[row], -lacking))[:left]
        table[row, chosen] += 1
        lacking[chosen] -= 1
    return table
