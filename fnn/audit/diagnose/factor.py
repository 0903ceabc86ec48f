"""The whole leaf is a multiple of what is right, or nothing at all."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.context import EXACT, Context, shown


def nothing(case: Context) -> str | None:
    """Zero where something should be, or something where zero should be."""
    if not case.own.any():
        return "identically zero: this gradient is missing"
    if not case.right.any():
        return "should be zero: something flows here that should not"
    return None


def constant(case: Context) -> str | None:
    """c times the right gradient."""
    c = case.multiple(case.own, case.right)
    if c is not None and case.right.size == 1 and not case.sizes:
        return f"× {shown(c)}"
    return None if c is None else _told(c, case.sizes)


def rounded(case: Context) -> str | None:
    """Right to the digits that a narrower number has."""
    large = np.abs(case.right) > 1e-3 * case.size
    relative = np.abs(case.error[large] / case.right[large])
    if case.exact > EXACT or not relative.size or np.ptp(relative) < 1e-3 * relative.max():
        return None
    if relative.max() < 1e-5 and np.abs(case.error).max() < 1e-6 * case.size:
        if relative.max() < 1e-6 or (case.own == case.own.astype(np.float32)).all():
            return "rounded: right to the 7 digits of float32, somewhere in a float64 backward"
        return f"right to about {relative.max():.0e}: an approximation, or a narrower number"
    if 1e-5 < relative.max() < 2**-7 and np.median(relative) > 2**-13:
        digits = case.own.astype(np.float32).view(np.uint32) & 0xFFFF
        if not digits.any():
            return "rounded to bfloat16"
    return None


def _told(c: float, sizes: dict[str, float]) -> str:
    if abs(c + 1) < 1e-7:
        return "× −1: the sign is turned"
    if abs(c - 2) < 1e-7:
        return "× 2: counted twice, or a ½ forgotten"
    if abs(c - 0.5) < 1e-7:
        return "× ½: a factor 2 is missing"
    if abs(c - 1) < 0.02:
        return f"× {c:.10g}: a relative error of {shown(c - 1)}"
    for name, size in sizes.items():
        if size in (0.0, 1.0):
            continue
        for power, words in ((1, "×"), (-1, "÷"), (2, "×"), (-2, "÷")):
            if abs(c / size**power - 1) < 1e-7:
                square = "²" if abs(power) == 2 else ""
                told = "a division is missing" if power > 0 else "divided once too often"
                inverse = f" (1/{shown(size)})" if power == -1 else ""
                return f"{words} {name}{square} = × {shown(c)}{inverse}: {told}"
            if abs(-c / size**power - 1) < 1e-7:
                return f"{words} {name} and the sign turned: × {shown(c)}"
    return f"× {shown(c)}: a constant factor"
