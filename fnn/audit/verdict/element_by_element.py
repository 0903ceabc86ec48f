"""A leaf judged element by element, where what is measured of all at once does not decide.

Random directions see a leaf's largest slopes: a unit on its corner, an element at the edge of the
function's domain or one whose gradient is smaller by decades hides in them, or hides another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from fnn.audit.differences.directional import SAFETY
from fnn.audit.differences.finite_differences import Slope
from fnn.audit.differences.one_element import element_slope
from fnn.audit.records import LeafRow, Verdict, Worst
from fnn.audit.verdict.arbitration import UNSETTLED, LeafCheck
from fnn.audit.verdict.evidence import MARGIN, Evidence

MOST = 256
"""elements of a leaf that are looked at one by one"""
DECADES = 1e-4
"""a leaf with gradients smaller than this share of its largest is judged by element"""
SEEN, SEEN_OF_PASSED = 0.1, 0.3
"""an error of this share of an element must show for it to be judged; random directions have judged
the elements of a leaf that passed already"""


class Outcome(Enum):
    """What differences say of one element's claim."""

    RIGHT = "right"
    CORNER = "between the one-sided slopes of a corner"
    WRONG = "wrong"
    UNSEEN = "too small for differences to see"


@dataclass(frozen=True)
class Element:
    """One element, judged."""

    index: int
    outcome: Outcome
    slope: Slope
    off: float
    allowed: float


def element_by_element(check: LeafCheck, row: LeafRow) -> LeafRow:
    """The row, or what its elements say where they must be asked. Of functions alone.

    A network's layers have an automatic gradient of their own, and are asked one by one instead.
    """
    if check.problem.independent:
        return row
    indices = _in_question(check.evidence, row)
    if not len(indices):
        return row
    seen = SEEN_OF_PASSED if row.verdict is Verdict.PASS else SEEN
    elements = [_decide_element(check, int(index), seen) for index in indices]
    wrong = [element for element in elements if element.outcome is Outcome.WRONG]
    if wrong:
        worst = max(wrong, key=lambda element: element.off)
        note = row.note if row.verdict is Verdict.WRONG else ""
        return replace(row, verdict=Verdict.WRONG, note=note, worst=_worst(check, worst))
    every = len(elements) == check.evidence.value.size
    if row.note == UNSETTLED or not every or _is_confirmed(row, elements):
        return row
    return _without_wrong(check, replace(row, worst=None), elements)


def _is_confirmed(row: LeafRow, elements: list[Element]) -> bool:
    """Whether an element is WRONG that differences of its own can't see, by the automatic one."""
    worst = row.worst
    if row.verdict is not Verdict.WRONG or worst is None or worst.automatic is None:
        return False
    nearer = abs(worst.numerical - worst.automatic) < abs(worst.numerical - worst.claimed)
    return nearer and any(element.outcome is Outcome.UNSEEN for element in elements)


def _in_question(evidence: Evidence, row: LeafRow) -> np.ndarray:
    """The elements to ask: all of a leaf in doubt, or those where two gradients differ."""
    if row.verdict in (Verdict.NONFINITE, Verdict.NONDETERMINISTIC, Verdict.DEAD):
        return np.array([], int)
    if row.note.startswith("zero:"):
        return np.array([], int)
    claimed, every = evidence.claimed.ravel(), np.arange(evidence.claimed.size)
    apart = suspicious(evidence)
    sizes = np.abs(claimed[np.abs(claimed) > MARGIN * evidence.blur.ravel()])
    spread = bool(sizes.size) and sizes.min() < DECADES * sizes.max()
    doubtful = row.verdict is not Verdict.PASS or spread or evidence.undefined.any() or apart.size
    if doubtful and every.size <= MOST:
        return every
    return apart[:MOST]


def suspicious(evidence: Evidence) -> np.ndarray:
    """Where claimed and automatic differ by more than rounding of the element itself."""
    if evidence.automatic is None:
        return np.array([], int)
    apart = np.abs(evidence.claimed - evidence.reference)
    return np.flatnonzero((apart > MARGIN * evidence.blur).ravel())


def _decide_element(check: LeafCheck, index: int, seen: float) -> Element:
    evidence = check.evidence
    claimed = float(evidence.claimed.ravel()[index])
    slope = element_slope(check.problem, check.path, index)
    rounding = MARGIN * float(evidence.blur.ravel()[index])
    allowed = SAFETY * slope.resolution + rounding
    off = slope.distance(claimed)
    if not np.isfinite(allowed):
        outcome = Outcome.UNSEEN
    elif off > allowed:
        outcome = Outcome.WRONG
    elif slope.corner:
        outcome = Outcome.CORNER
    else:
        largest = float(np.abs(evidence.claimed).max())
        shown = abs(claimed) if abs(claimed) > rounding else largest
        outcome = Outcome.RIGHT if allowed <= seen * shown else Outcome.UNSEEN
    return Element(index, outcome, slope, off, allowed)


def _without_wrong(check: LeafCheck, row: LeafRow, elements: list[Element]) -> LeafRow:
    """PASS, KINK or UNRESOLVED, with what would resolve it."""
    corners = sum(element.outcome is Outcome.CORNER for element in elements)
    unseen = [element for element in elements if element.outcome is Outcome.UNSEEN]
    furthest = max(elements, key=lambda element: element.off)
    row = replace(
        row,
        numerical=furthest.off,
        resolution=furthest.slope.resolution,
        limit=max(element.allowed for element in elements),
        corners=corners,
    )
    if unseen:
        return replace(row, verdict=Verdict.UNRESOLVED, note=_reason(check, unseen))
    if corners:
        note = "a valid value between the one-sided slopes of a corner"
        return replace(row, verdict=Verdict.KINK, note=note)
    bad = int(check.evidence.undefined.sum())
    note = "right element by element" if row.verdict is not Verdict.PASS else row.note
    if bad:
        note = f"the automatic gradient is not finite at {bad:,}, where the function is"
    return replace(row, verdict=Verdict.PASS, note=note)


def _reason(check: LeafCheck, unseen: list[Element]) -> str:
    """What hides the elements that differences can't see, and what would show them."""
    worst = max(unseen, key=lambda element: element.allowed)
    where = np.unravel_index(worst.index, check.evidence.value.shape)
    claimed = float(check.evidence.claimed.ravel()[worst.index])
    position = f" [{', '.join(str(int(i)) for i in where)}]" if where else ""
    if not np.isfinite(worst.allowed):
        return f"not finite on either side of the element{position}; move it inside"
    return (
        f"{_count(unseen)} too small to see: at{position} the claim is {claimed:.3g}, differences "
        f"resolve {worst.allowed:.2g}, since the value rounds by {worst.slope.noise:.2g}; "
        "audit the small terms of the function by themselves, or in float64"
    )


def _count(elements: Iterable[Element]) -> str:
    number = len(list(elements))
    return f"{number:,} {'element is' if number == 1 else 'elements are'}"


def _worst(check: LeafCheck, element: Element) -> Worst:
    evidence = check.evidence
    claimed = float(evidence.claimed.ravel()[element.index])
    automatic = evidence.automatic
    return Worst(
        tuple(int(i) for i in np.unravel_index(element.index, evidence.value.shape)),
        claimed,
        None if automatic is None else float(automatic.ravel()[element.index]),
        element.slope.nearest(claimed),
        element.slope.resolution,
    )
