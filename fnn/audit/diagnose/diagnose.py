"""From a wrong leaf to a diagnosis: the first kind of mistake that fits."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose import elements, factor, families, rearranged, terms  # noqa: F401
from fnn.audit.diagnose.registry import Diagnoser, diagnosers_of
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake

PLAIN: tuple[Diagnoser, ...] = (
    elements.not_finite,
    factor.nothing,
    factor.rounded,
    factor.constant,
    elements.few,
    rearranged.arrangement,
    elements.clipped,
)
"""asked first, of any gradient, from the plainest on"""
VAGUE: tuple[Diagnoser, ...] = (
    rearranged.broadcast,
    terms.instead,
    terms.near_tensor,
    elements.missing,
    elements.slice_of_an_axis,
    factor.per_slice,
    terms.projections,
)
"""asked where the layer's own diagnosers know nothing"""


def diagnose(leaf: WrongLeaf) -> Diagnosis:
    """The first diagnosis that fits, or how many elements are off and by how much."""
    if leaf.claimed.shape != leaf.expected.shape:
        return Diagnosis(Mistake.SHAPE, shapes=(leaf.claimed.shape, leaf.expected.shape))
    for diagnoser in (*PLAIN, *diagnosers_of(leaf.layer), *VAGUE):
        diagnosis = diagnoser(leaf)
        if diagnosis is not None:
            return diagnosis
    if leaf.combines:
        return _combinator(leaf)
    off = leaf.off
    largest = float(np.abs(leaf.error).max() / leaf.size)
    return Diagnosis(Mistake.UNKNOWN, factor=largest, count=int(off.sum()), total=off.size)


def _combinator(leaf: WrongLeaf) -> Diagnosis:
    """A combinator whose layers are right by themselves."""
    gathering = leaf.input_correct and not leaf.leaf.startswith("input")
    return Diagnosis(Mistake.GATHERING if gathering else Mistake.COTANGENT)
