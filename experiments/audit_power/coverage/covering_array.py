"""Few rows that hold every pair of levels: a pairwise covering array."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

Factors = Mapping[str, Sequence[str]]
Row = dict[str, str]
"""a level for each factor"""
Pair = frozenset[tuple[str, str]]
"""two factors with a level each"""
CANDIDATES = 20
"""rows that are made before the best of them is taken"""


def covering_rows(factors: Factors, seed: int = 0) -> list[Row]:
    """Rows in which every two levels of different factors stand together at least once.

    Greedy (Cohen et al. 1997, "The AETG system"): a row begins with a pair that is missing, and its
    other factors take, in random order, the level that adds most missing pairs; of some such rows
    the best is kept. No array is shorter than the product of the two largest factors, and where the
    others are much smaller this one is hardly longer. The same seed gives the same rows.
    """
    draw = np.random.default_rng(seed)
    missing = all_pairs(factors)
    rows = []
    while missing:
        starts = draw.integers(len(missing), size=CANDIDATES)
        tried = [_filled(factors, dict(missing[at]), set(missing), draw) for at in starts]
        rows.append(max(tried, key=lambda row: len(pairs_of(row).intersection(missing))))
        missing = [pair for pair in missing if pair not in pairs_of(rows[-1])]
    return rows


def all_pairs(factors: Factors) -> list[Pair]:
    """Every two levels of different factors."""
    levels = [[(name, level) for level in factors[name]] for name in factors]
    return [
        frozenset(pair)
        for one, other in itertools.combinations(levels, 2)
        for pair in itertools.product(one, other)
    ]


def pairs_of(row: Row) -> set[Pair]:
    """The pairs of levels that stand together in a row."""
    return set(map(frozenset, itertools.combinations(row.items(), 2)))


def _filled(factors: Factors, row: Row, missing: set[Pair], draw: np.random.Generator) -> Row:
    """The row with a level for every factor."""
    rest = [name for name in factors if name not in row]
    for name in draw.permutation(rest).tolist():
        levels = draw.permutation(factors[name]).tolist()
        row[name] = max(levels, key=lambda level: len(pairs_of({**row, name: level}) & missing))
    return {name: row[name] for name in factors}
