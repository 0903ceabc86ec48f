"""Only some elements are wrong, or all of them stand in the wrong place."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.context import Context, shown


def not_finite(case: Context) -> str | None:
    """NaN or infinite elements."""
    bad = np.argwhere(~np.isfinite(case.own))
    if not len(bad):
        return None
    kind = "NaN" if np.isnan(case.own).any() else "infinite"
    where = _index(bad[0])
    return f"{kind} at one element, {where}" if len(bad) == 1 else f"{kind} at {len(bad)} elements"


def few(case: Context) -> str | None:
    """One element, or a small share of them."""
    wrong = _wrong(case)
    count = int(wrong.sum())
    if not 0 < count <= max(1, wrong.size // 50) or wrong.size < 3:
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    own, right = float(case.own[index]), float(case.right[index])
    if own == 0:
        told = "it is zero"
    elif abs(own + right) <= case.exact * abs(right):
        told = "its sign is turned"
    elif right:
        told = f"it is × {shown(own / right)}"
    else:
        told = f"it is {own:.3g} and should be zero"
    one = "one element" if count == 1 else f"{count} elements, the first"
    return f"{one} of {wrong.size}, {_index(index)}: {told}"


def dropped(case: Context) -> str | None:
    """Right in places and zero elsewhere."""
    wrong = _wrong(case)
    if not wrong.any() or wrong.all() or case.own[wrong].any():
        return None
    return f"zero elsewhere: {wrong.sum()} of {wrong.size} elements are missing"


def slice_of_an_axis(case: Context) -> str | None:
    """Only one index of an axis is wrong, or only one is right."""
    wrong = _wrong(case)
    for axis in range(wrong.ndim):
        if wrong.shape[axis] < 3:
            continue
        by_index = wrong.any(tuple(a for a in range(wrong.ndim) if a != axis))
        if by_index.sum() == 1:
            index = int(np.argmax(by_index))
            own = np.take(case.own, index, axis)
            told = "it is missing" if not own.any() else "only this one is wrong"
            return f"{_axis(case, axis)} {index} of {wrong.shape[axis]}: {told}"
    return None


def arrangement(case: Context) -> str | None:
    """The right numbers in the wrong places."""
    own, right = case.own, case.right
    if right.ndim == 2 and right.shape[0] == right.shape[1] and case.same(own, right.T):
        return "transposed"
    if right.size > 1 and case.same(own.ravel(), right.T.ravel()):
        return "transposed: the numbers are those of the transpose, in this shape"
    for axis in range(right.ndim):
        if right.shape[axis] < 2:
            continue
        if case.same(own, np.flip(right, axis)):
            return f"reversed along axis {axis}"
        if any(case.same(own, np.roll(right, step, axis)) for step in (1, -1)):
            return f"shifted by one along axis {axis}: every {_axis(case, axis)} has another's"
    if right.size > 3 and case.same(np.sort(own.ravel()), np.sort(right.ravel())):
        if _wrong(case).sum() == 2:
            return "two elements are exchanged"
        return "the right numbers in another order"
    for name, other in case.others.items():
        if case.same(own, other) and not name.endswith("'s input"):
            return f"shifted or swapped: this is the gradient of {name}"
    return None


def broadcast(case: Context) -> str | None:
    """The same along an axis where the right gradient differs."""
    own, right = case.own, case.right
    for axis in range(right.ndim):
        if right.shape[axis] < 2 or not _constant(case, own, axis) or _constant(case, right, axis):
            continue
        of = np.take(own, 0, axis)
        for words, made in (("mean", right.mean(axis)), ("sum", right.sum(axis))):
            if case.same(of, made):
                return f"the {words} over axis {axis}, broadcast: the same for all"
        for index in range(right.shape[axis]):
            if case.same(of, np.take(right, index, axis)):
                told = f"{_axis(case, axis)} {index}'s, broadcast over axis {axis}"
                return f"{told}: the same for every {_axis(case, axis)}"
        return f"broadcast along axis {axis}: the same for every {_axis(case, axis)}"
    return None


def clipped(case: Context) -> str | None:
    """Cut off at a largest size."""
    own, right = np.abs(case.own), np.abs(case.right)
    wrong = _wrong(case)
    if not wrong.any() or own[wrong].max() < own.max():
        return None
    level = own.max()
    at_level = np.abs(own[wrong] - level) <= case.exact * level
    if at_level.all() and (right[wrong] > level).all() and (~wrong).any():
        return f"clipped at {level:.3g}: larger elements are cut off"
    return None


def by_row(case: Context) -> str | None:
    """Each example (or each feature) is multiplied by a factor of its own."""
    for axis in range(min(case.right.ndim, 2)) if case.right.ndim > 1 else ():
        own = np.moveaxis(case.own, axis, 0)
        right = np.moveaxis(case.right, axis, 0)
        factors = [
            case.multiple(a, b) for a, b in zip(own, right, strict=True) if b.any() or a.any()
        ]
        found = [c for c in factors if c is not None]
        if len(found) < 2 or len(found) < len(factors) or right[0].size < 2:
            continue
        low, high = shown(min(found)), shown(max(found))
        return f"each {_axis(case, axis)} by a factor of its own, from × {low} to × {high}"
    return None


def _wrong(case: Context) -> np.ndarray:
    """Which elements are off beyond rounding."""
    wrong: np.ndarray = np.abs(case.error) > case.exact * case.size
    return wrong


def _constant(case: Context, array: np.ndarray, axis: int) -> bool:
    first = np.take(array, [0], axis)
    return bool(np.abs(array - first).max() <= case.exact * np.abs(array).max())


def _axis(case: Context, axis: int) -> str:
    """What the indices of an axis count."""
    if case.leaf.startswith(("input", "output")):
        return "example" if axis == 0 else "feature" if axis == case.right.ndim - 1 else "step"
    return "row" if axis == 0 and case.right.ndim > 1 else "column" if axis == 1 else "element"


def _index(index: object) -> str:
    return "[" + ", ".join(str(int(i)) for i in index) + "]"  # type: ignore[attr-defined]
