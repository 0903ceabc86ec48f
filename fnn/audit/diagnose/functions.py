"""What kind of mistake a function's wrong gradient looks like."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np

from fnn.audit.diagnose.diagnose import diagnose
from fnn.audit.diagnose.wording import describe
from fnn.audit.diagnose.wrong_leaf import EXACT, WrongLeaf
from fnn.audit.differences.directional import at_coordinate
from fnn.audit.problem.problem import Problem
from fnn.audit.records import LeafRow, Verdict
from fnn.audit.verdict.evidence import Evidence

SMALL = 512
"""elements of a leaf whose whole gradient is found by differences, to diagnose an error"""


def with_diagnosis(
    row: LeafRow, problem: Problem, evidence: dict[str, Evidence], args: tuple[object, ...]
) -> LeafRow:
    """The row of a wrong leaf with what kind of mistake it looks like."""
    measured = evidence[row.path]
    expected, exact = measured.automatic, EXACT
    confirmed = expected is not None and not row.automatic_is_off
    if row.verdict is not Verdict.WRONG:
        return row
    if not confirmed:
        if measured.value.size > SMALL:
            return row
        with np.errstate(all="ignore"):
            slopes = [at_coordinate(problem, row.path, i)[1] for i in range(measured.value.size)]
        claimed = measured.claimed.ravel()
        nearest = [slope.nearest(claimed[i]) for i, slope in enumerate(slopes)]
        expected = np.array(nearest).reshape(measured.value.shape)
        exact = 1e-5 if problem.epsilon < 1e-10 else 1e-2
    assert expected is not None
    others = {
        path: leaf.automatic
        for path, leaf in evidence.items()
        if path != row.path and leaf.automatic is not None and confirmed
    }
    diagnosis = diagnose(
        WrongLeaf(
            row.path,
            measured.claimed,
            expected,
            params={"": np.asarray(measured.value, np.float64)},
            others=others,
            sizes=_sizes(args),
            exact=exact,
        )
    )
    words = describe(diagnosis)
    note = f"{words}; {row.note}" if row.note else words
    return replace(row, note=note, error=measured.claimed - expected, diagnosis=diagnosis)


def _sizes(args: tuple[object, ...]) -> dict[str, float]:
    """The lengths of the arguments' axes: frequent divisors."""
    sizes: dict[str, float] = {}
    for number, arg in enumerate(args[1:], start=1):
        for leaf in jax.tree.leaves(arg):
            for axis, length in enumerate(getattr(leaf, "shape", ())):
                sizes.setdefault(f"{length}, the length of axis {axis} of args[{number}],", length)
    for leaf in jax.tree.leaves(args[0]):
        for axis, length in enumerate(getattr(leaf, "shape", ())):
            sizes.setdefault(f"{length}, the length of axis {axis} of a parameter,", length)
    return sizes
