"""Where two gradients, or gradient and differences, disagree: who is right, is it a corner?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fnn.audit.differences.directional import (
    SAFETY,
    at_coordinate,
    bisect,
    detection_limit,
    draw_directions,
    is_contradicted,
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
    directions: list[Array]
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


def disagreeing_elements(evidence: Evidence) -> np.ndarray:
    """The elements where claimed and automatic differ by more than rounding, the worst first."""
    if evidence.automatic is None:
        return np.array([], int)
    difference = np.abs(evidence.claimed - evidence.automatic).ravel()
    order = np.argsort(-difference, kind="stable")
    return order[difference[order] > evidence.detection_limit]


def by_elements(check: LeafCheck, row: LeafRow, elements: np.ndarray) -> LeafRow:
    """Claimed and automatic disagree: the differences say which of them is right, and where."""
    evidence = check.evidence
    assert evidence.automatic is not None
    claimed, automatic = evidence.claimed.ravel(), evidence.automatic.ravel()
    corners, supported, unseen = 0, 0, 0
    for index in map(int, elements[:ELEMENTS]):
        direction, slope = at_coordinate(check.problem, check.path, index)
        reach = SAFETY * slope.resolution
        if reach >= abs(claimed[index] - automatic[index]):
            unseen += 1
        elif slope.corner and slope.distance(float(claimed[index])) <= reach:
            corners += 1
        elif slope.distance(float(claimed[index])) <= reach < slope.distance(automatic[index]):
            if not is_settled(
                check.problem, check.path, direction, slope.times(direction.ravel()[index])
            ):
                return replace(row, verdict=Verdict.UNRESOLVED, note=UNSETTLED)
            supported += 1
        else:
            return _wrong(check, row, index)
    if corners:
        note = "another value at a corner, and a valid one"
        return _unless_refuted(check, replace(row, verdict=Verdict.KINK, note=note))
    if supported:
        note = "differences confirm it; the automatic gradient is off"
        seen = detection_limit(check.slopes, check.directions, evidence.noise_floor, check.size)
        return _unless_refuted(check, replace(row, limit=seen, note=note))
    if unseen and not check.problem.independent:
        note = "off the automatic gradient by more than rounding, by less than differences can see"
        return replace(row, verdict=Verdict.UNRESOLVED, note=note)
    return _wrong(check, row, int(elements[0]))


def by_directions(check: LeafCheck, row: LeafRow) -> LeafRow:
    """The differences contradict the claimed gradient (and an equal automatic one)."""
    evidence = check.evidence
    if any(slope.corner for slope in check.slopes):
        note = "a valid value where corners meet"
        return _unless_refuted(check, replace(row, verdict=Verdict.KINK, note=note))
    again = draw_directions(check.problem, check.path, len(check.directions), check.seed + 1000)
    slopes = slopes_along(check.problem, check.problem.point, check.path, again)
    if not is_contradicted(slopes, evidence.reference, again, evidence.automatic_floor):
        return replace(row, verdict=Verdict.UNRESOLVED, note="other directions do not confirm it")
    pairs = list(zip(slopes, again, strict=True))
    against = [
        (s, direction)
        for s, direction in pairs
        if is_off(s, evidence.reference, direction, evidence.automatic_floor)
    ]
    if not all(
        is_settled(check.problem, check.path, direction, slope) for slope, direction in against
    ):
        return replace(row, verdict=Verdict.UNRESOLVED, note=UNSETTLED)
    index = bisect(check.problem, check.path, evidence.reference, check.seed)
    wrong = _wrong(check, row, index)
    if evidence.automatic is None:
        return replace(wrong, note="")
    return replace(wrong, note="the automatic gradient is off too", automatic_is_off=True)


def _unless_refuted(check: LeafCheck, row: LeafRow) -> LeafRow:
    """The row, or WRONG where the claimed gradient has no valid value at some element.

    Along random directions several corners may act together, so that elements are measured:
    all of a small leaf, of a large one that to which halving leads, and then a point close by. That
    point decides too where corners follow corners: what JAX gives at 0 for a SELU of a leaky ReLU
    lies outside the slopes on both sides, and is the same in either gradient.
    """
    evidence = check.evidence
    if not is_contradicted(check.slopes, evidence.claimed, check.directions, evidence.noise_floor):
        return row
    claimed = evidence.claimed.ravel()
    few = claimed.size <= ELEMENTS
    indices = (
        range(claimed.size)
        if few
        else [bisect(check.problem, check.path, evidence.claimed, check.seed)]
    )
    for index in indices:
        _, slope = at_coordinate(check.problem, check.path, index)
        allowed = SAFETY * (slope.resolution + evidence.noise_floor)
        if evidence.automatic is not None and slope.corner:
            allowed += slope.high - slope.low
        if slope.distance(float(claimed[index])) > allowed:
            agreed = evidence.automatic is not None and not disagreeing_elements(evidence).size
            if not (agreed and slope.corner and _is_correct_beside(check)):
                return _wrong(check, row, index)
            return replace(row, note="corners follow corners; right close by")
    return row if few or _is_correct_beside(check) else _wrong(check, row, int(indices[0]))


def _wrong(check: LeafCheck, row: LeafRow, index: int) -> LeafRow:
    evidence = check.evidence
    _, slope = at_coordinate(check.problem, check.path, index)
    where = tuple(int(i) for i in np.unravel_index(index, evidence.value.shape))
    worst = Worst(
        where,
        float(evidence.claimed.ravel()[index]),
        None if evidence.automatic is None else float(evidence.automatic.ravel()[index]),
        slope.nearest(float(evidence.claimed.ravel()[index])),
        slope.resolution,
    )
    return replace(row, verdict=Verdict.WRONG, worst=worst)


def _is_correct_beside(check: LeafCheck) -> bool:
    """Whether the claimed gradient is right at a point close by, in general position."""
    problem = replace(check.problem, point=check.problem.beside(BESIDE, check.seed))
    evidence = check.beside()
    slopes = slopes_along(problem, problem.point, check.path, check.directions)
    smooth = not any(slope.corner for slope in slopes)
    wrong = is_contradicted(slopes, evidence.reference, check.directions, evidence.automatic_floor)
    return smooth and not wrong and not disagreeing_elements(evidence).size
