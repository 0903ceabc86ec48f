"""Only some elements are wrong."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake

FEW = 50
"""one of so many elements, or fewer, are few"""


def not_finite(leaf: WrongLeaf) -> Diagnosis | None:
    """NaN or infinite elements."""
    bad = np.argwhere(~np.isfinite(leaf.claimed))
    if not len(bad):
        return None
    value = float("nan") if np.isnan(leaf.claimed).any() else float("inf")
    return Diagnosis(Mistake.NOT_FINITE, count=len(bad), index=tuple(map(int, bad[0])), value=value)


def few(leaf: WrongLeaf) -> Diagnosis | None:
    """One element, or a small share of them."""
    off = leaf.off
    count = int(off.sum())
    if not 0 < count <= max(1, off.size // FEW) or off.size < 3:
        return None
    index = tuple(int(i) for i in np.argwhere(off)[0])
    claimed, expected = float(leaf.claimed[index]), float(leaf.expected[index])
    factor = claimed / expected if expected else None
    if claimed == 0:
        factor = 0.0
    elif abs(claimed + expected) <= leaf.exact * abs(expected):
        factor = -1.0
    return Diagnosis(
        Mistake.FEW_ELEMENTS, factor, index=index, count=count, total=off.size, value=claimed
    )


def missing(leaf: WrongLeaf) -> Diagnosis | None:
    """Right in places and zero elsewhere."""
    off = leaf.off
    if not off.any() or off.all() or leaf.claimed[off].any():
        return None
    return Diagnosis(Mistake.ELEMENTS_MISSING, count=int(off.sum()), total=off.size)


def slice_of_an_axis(leaf: WrongLeaf) -> Diagnosis | None:
    """Only one index of an axis is wrong."""
    off = leaf.off
    for axis in range(off.ndim):
        if off.shape[axis] < 3:
            continue
        by_index = off.any(tuple(a for a in range(off.ndim) if a != axis))
        if by_index.sum() == 1:
            index = int(np.argmax(by_index))
            present = np.take(leaf.claimed, index, axis).any()
            return Diagnosis(
                Mistake.SLICE_WRONG if present else Mistake.SLICE_MISSING,
                axis=axis,
                unit=leaf.unit(axis),
                index=(index,),
                total=off.shape[axis],
            )
    return None


def clipped(leaf: WrongLeaf) -> Diagnosis | None:
    """Cut off at a largest size."""
    claimed, expected = np.abs(leaf.claimed), np.abs(leaf.expected)
    off = leaf.off
    if not off.any() or claimed[off].max() < claimed.max():
        return None
    level = claimed.max()
    at_level = np.abs(claimed[off] - level) <= leaf.exact * level
    if at_level.all() and (expected[off] > level).all() and (~off).any():
        return Diagnosis(Mistake.CLIPPED, value=float(level))
    return None
