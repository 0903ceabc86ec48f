"""The right numbers stand in the wrong places, or one for all."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.problem.problem import Array


def arrangement(leaf: WrongLeaf) -> Diagnosis | None:
    """The expected numbers in another order, or those of another leaf."""
    claimed, expected = leaf.claimed, leaf.expected
    if expected.ndim == 2 and leaf.same(claimed, expected.T):
        return Diagnosis(Mistake.TRANSPOSED)
    if expected.size > 1 and leaf.same(claimed.ravel(), expected.T.ravel()):
        return Diagnosis(Mistake.TRANSPOSED, shapes=(expected.T.shape, expected.shape))
    for axis in range(expected.ndim):
        if expected.shape[axis] < 2:
            continue
        if leaf.same(claimed, np.flip(expected, axis)):
            return Diagnosis(Mistake.REVERSED, axis=axis)
        if any(leaf.same(claimed, np.roll(expected, step, axis)) for step in (1, -1)):
            return Diagnosis(Mistake.SHIFTED, axis=axis, unit=leaf.unit(axis))
    if expected.size > 3 and leaf.same(np.sort(claimed.ravel()), np.sort(expected.ravel())):
        return Diagnosis(Mistake.EXCHANGED if leaf.off.sum() == 2 else Mistake.PERMUTED)
    for name, other in leaf.others.items():
        if leaf.same(claimed, other) and not name.endswith("'s input"):
            return Diagnosis(Mistake.SWAPPED, tensor=name)
    return None


def broadcast(leaf: WrongLeaf) -> Diagnosis | None:
    """The same along an axis where the expected gradient differs."""
    claimed, expected = leaf.claimed, leaf.expected
    for axis in range(expected.ndim):
        if (
            expected.shape[axis] < 2
            or not _constant(leaf, claimed, axis)
            or _constant(leaf, expected, axis)
        ):
            continue
        unit, one = leaf.unit(axis), np.take(claimed, 0, axis)
        for name, reduced in (("mean", expected.mean(axis)), ("sum", expected.sum(axis))):
            if leaf.same(one, reduced):
                return Diagnosis(Mistake.BROADCAST, tensor=name, axis=axis, unit=unit)
        for index in range(expected.shape[axis]):
            if leaf.same(one, np.take(expected, index, axis)):
                return Diagnosis(Mistake.BROADCAST, axis=axis, unit=unit, index=(index,))
        return Diagnosis(Mistake.BROADCAST, axis=axis, unit=unit)
    return None


def _constant(leaf: WrongLeaf, array: Array, axis: int) -> bool:
    first = np.take(array, [0], axis)
    return bool(np.abs(array - first).max() <= leaf.exact * np.abs(array).max())
