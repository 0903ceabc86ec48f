"""The whole leaf is a multiple of what is right, or nothing at all."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.wrong_leaf import EXACT, WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake

NEAR = 1e-7
"""relative distance at which a factor counts as a number that is known"""
SMALL = 0.02
"""a factor that is nearer to 1 is a relative error"""


def nothing(leaf: WrongLeaf) -> Diagnosis | None:
    """Zero where something should be, or something where zero should be."""
    if not leaf.claimed.any():
        return Diagnosis(Mistake.MISSING)
    if not leaf.expected.any():
        return Diagnosis(Mistake.SPURIOUS)
    return None


def constant(leaf: WrongLeaf) -> Diagnosis | None:
    """c times the expected gradient."""
    c = leaf.multiple(leaf.claimed, leaf.expected)
    if c is None:
        return None
    if leaf.expected.size == 1 and not leaf.sizes:
        return Diagnosis(Mistake.FACTOR, c, total=1)
    for kind, known in ((Mistake.SIGN, -1.0), (Mistake.TWICE, 2.0), (Mistake.HALF, 0.5)):
        if abs(c - known) < NEAR:
            return Diagnosis(kind, c)
    if abs(c - 1) < SMALL:
        return Diagnosis(Mistake.RELATIVE_ERROR, c)
    return _power_of_a_size(c, leaf.sizes) or Diagnosis(Mistake.FACTOR, c)


def _power_of_a_size(c: float, sizes: dict[str, float]) -> Diagnosis | None:
    for name, size in sizes.items():
        if size in (0.0, 1.0):
            continue
        for power in (1, -1, 2, -2):
            if abs(abs(c / size**power) - 1) < NEAR:
                kind = Mistake.NOT_DIVIDED if power > 0 else Mistake.DIVIDED_AGAIN
                return Diagnosis(kind, c, tensor=name, value=size, power=power)
    return None


def rounded(leaf: WrongLeaf) -> Diagnosis | None:
    """Right to the digits that a narrower number has."""
    large = np.abs(leaf.expected) > 1e-3 * leaf.size
    relative = np.abs(leaf.error[large] / leaf.expected[large])
    if leaf.exact > EXACT or not relative.size or np.ptp(relative) < 1e-3 * relative.max():
        return None
    worst = float(relative.max())
    if worst < 1e-5 and np.abs(leaf.error).max() < 1e-6 * leaf.size:
        narrow = worst < 1e-6 or (leaf.claimed == leaf.claimed.astype(np.float32)).all()
        return Diagnosis(Mistake.ROUNDED, worst, tensor="float32" if narrow else "")
    if 1e-5 < worst < 2**-7 and np.median(relative) > 2**-13:
        digits = leaf.claimed.astype(np.float32).view(np.uint32) & 0xFFFF
        if not digits.any():
            return Diagnosis(Mistake.ROUNDED, worst, tensor="bfloat16")
    return None


def per_slice(leaf: WrongLeaf) -> Diagnosis | None:
    """Each example (or each feature) is multiplied by a factor of its own."""
    for axis in range(min(leaf.expected.ndim, 2)) if leaf.expected.ndim > 1 else ():
        claimed = np.moveaxis(leaf.claimed, axis, 0)
        expected = np.moveaxis(leaf.expected, axis, 0)
        factors = [
            leaf.multiple(a, b)
            for a, b in zip(claimed, expected, strict=True)
            if b.any() or a.any()
        ]
        known = [c for c in factors if c is not None]
        if len(known) < 2 or len(known) < len(factors) or expected[0].size < 2:
            continue
        return Diagnosis(
            Mistake.FACTOR_PER_SLICE,
            axis=axis,
            unit=leaf.unit(axis),
            values=(min(known), max(known)),
        )
    return None
