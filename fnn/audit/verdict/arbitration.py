"""Where two gradients, or gradient and differences, disagree: who is right, is it a corner?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fnn.audit.differences.directional import (
    SAFETY,
    at_coordinate,
    bisect,
    contradicted,
    detection_limit,
    draw_directions,
    is_off,
    is_settled,
    slopes_along,
)
from fnn.audit.differences.finite_differences import Slope
from fnn.audit.problem.problem import Array, Problem
from fnn.audit.records import LeafRow, Verdict, Worst
from fnn.audit.verdict.evidence import Evidence

ELEMENTS = 64
"""of the elements in question, so many of the worst are looked at one by one"""
UNSETTLED = "the slope is another one at smaller steps: finer detail than differences resolve"
BESIDE = 1e-2
"""how far away, in units of each leaf's size, a point is in general position"""


@dataclass(frozen=True)
class LeafCheck:
    """All that is known of one leaf when it is judged."""

    problem: Problem
    path: str
    evidence: Evidence
    moves: list[Array]
    slopes: list[Slope]
    visible: float
    """the smallest slope that counts as resolved where the claimed gradient is zero"""
    beside: Callable[[], Evidence]
    """the same leaf's evidence at a point in general position"""
    seed: int

    @property
    def size(self) -> float:
        """By which the leaf's steps are scaled."""
        return self.problem.sizes[self.path]


def disagreeing_elements(found: Evidence) -> np.ndarray:
    """The elements where claimed and automatic differ by more than rounding, the worst first."""
    if found.automatic is None:
        return np.array([], int)
    difference = np.abs(found.claimed - found.automatic).ravel()
    order = np.argsort(-difference, kind="stable")
    return order[difference[order] > found.limit]


def by_elements(case: LeafCheck, row: LeafRow, suspects: np.ndarray) -> LeafRow:
    """Claimed and automatic disagree: the differences say which of them is right, and where."""
    found = case.evidence
    assert found.automatic is not None
    claimed, automatic = found.claimed.ravel(), found.automatic.ravel()
    corners, supported, unseen = 0, 0, 0
    for index in map(int, suspects[:ELEMENTS]):
        move, slope = at_coordinate(case.problem, case.path, index)
        reach = SAFETY * slope.resolution
        if reach >= abs(claimed[index] - automatic[index]):
            unseen += 1
        elif slope.corner and slope.distance(float(claimed[index])) <= reach:
            corners += 1
        elif slope.distance(float(claimed[index])) <= reach < slope.distance(automatic[index]):
            if not is_settled(case.problem, case.path, move, slope.times(move.ravel()[index])):
                return replace(row, verdict=Verdict.UNRESOLVED, note=UNSETTLED)
            supported += 1
        else:
            return _wrong(case, row, index)
    if corners:
        note = "another value at a corner, and a valid one"
        return _unless_refuted(case, replace(row, verdict=Verdict.KINK, note=note))
    if supported:
        note = "differences confirm it; the automatic gradient is off"
        seen = detection_limit(case.slopes, case.moves, found.floor, case.size)
        return _unless_refuted(case, replace(row, limit=seen, note=note))
    if unseen and not case.problem.independent:
        note = "off the automatic gradient by more than rounding, by less than differences can see"
        return replace(row, verdict=Verdict.UNRESOLVED, note=note)
    return _wrong(case, row, int(suspects[0]))


def by_directions(case: LeafCheck, row: LeafRow) -> LeafRow:
    """The differences speak against the claimed gradient (and against an equal automatic one)."""
    found = case.evidence
    if any(slope.corner for slope in case.slopes):
        note = "a valid value where corners meet"
        return _unless_refuted(case, replace(row, verdict=Verdict.KINK, note=note))
    again = draw_directions(case.problem, case.path, len(case.moves), case.seed + 1000)
    slopes = slopes_along(case.problem, case.problem.point, case.path, again)
    if not contradicted(slopes, found.reference, again, found.blur):
        return replace(row, verdict=Verdict.UNRESOLVED, note="other directions do not confirm it")
    pairs = list(zip(slopes, again, strict=True))
    against = [(s, move) for s, move in pairs if is_off(s, found.reference, move, found.blur)]
    if not all(is_settled(case.problem, case.path, move, slope) for slope, move in against):
        return replace(row, verdict=Verdict.UNRESOLVED, note=UNSETTLED)
    index = bisect(case.problem, case.path, found.reference, case.seed)
    note = "" if found.automatic is None else "the automatic gradient is off too"
    return replace(_wrong(case, row, index), note=note)


def _unless_refuted(case: LeafCheck, row: LeafRow) -> LeafRow:
    """The row, or WRONG where the claimed gradient has no valid value at some element.

    Along random directions several corners may pull to different sides, so that elements are asked:
    all of a small leaf, of a large one that to which halving leads, and then a point close by. That
    point decides too where corners follow corners: what JAX gives at 0 for a SELU of a leaky ReLU
    lies outside the slopes on both sides, and is the same whoever differentiates.
    """
    found = case.evidence
    if not contradicted(case.slopes, found.claimed, case.moves, found.floor):
        return row
    claimed = found.claimed.ravel()
    few = claimed.size <= ELEMENTS
    asked = (
        range(claimed.size) if few else [bisect(case.problem, case.path, found.claimed, case.seed)]
    )
    for index in asked:
        _, slope = at_coordinate(case.problem, case.path, index)
        allowed = SAFETY * (slope.resolution + found.floor)
        if found.automatic is not None and slope.corner:
            allowed += slope.high - slope.low
        if slope.distance(float(claimed[index])) > allowed:
            agreed = found.automatic is not None and not disagreeing_elements(found).size
            if not (agreed and slope.corner and _is_correct_beside(case)):
                return _wrong(case, row, index)
            return replace(row, note="corners follow corners; right close by")
    return row if few or _is_correct_beside(case) else _wrong(case, row, int(asked[0]))


def _wrong(case: LeafCheck, row: LeafRow, index: int) -> LeafRow:
    found = case.evidence
    _, slope = at_coordinate(case.problem, case.path, index)
    where = tuple(int(i) for i in np.unravel_index(index, found.value.shape))
    worst = Worst(
        where,
        float(found.claimed.ravel()[index]),
        None if found.automatic is None else float(found.automatic.ravel()[index]),
        slope.nearest(float(found.claimed.ravel()[index])),
        slope.resolution,
    )
    return replace(row, verdict=Verdict.WRONG, worst=worst)


def _is_correct_beside(case: LeafCheck) -> bool:
    """Whether the claimed gradient is right at a point close by, in general position."""
    problem = replace(case.problem, point=case.problem.beside(BESIDE, case.seed))
    found = case.beside()
    slopes = slopes_along(problem, problem.point, case.path, case.moves)
    smooth = not any(slope.corner for slope in slopes)
    wrong = contradicted(slopes, found.reference, case.moves, found.blur)
    return smooth and not wrong and not disagreeing_elements(found).size
