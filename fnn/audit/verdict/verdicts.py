"""From evidence to a verdict, one leaf at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fnn.audit.differences.directional import (
    SAFETY,
    contradicted,
    detection_limit,
    draw_directions,
    per_element,
    slopes_along,
)
from fnn.audit.problem.problem import Problem, largest, rms
from fnn.audit.records import LeafRow, Verdict, Worst
from fnn.audit.verdict.arbitration import (
    LeafCheck,
    by_directions,
    by_elements,
    disagreeing_elements,
)
from fnn.audit.verdict.evidence import Evidence

ROUNDING = 1e-9
"""the share of the largest gradient that rounding may make where all layers are right"""
BLIND = 10
"""a limit so many times the gradient says nothing"""
VISIBLE = 0.1
"""differences that can't see an error of this share of the gradient resolve nothing"""


def decide(
    problem: Problem,
    evidence: dict[str, Evidence],
    beside: Callable[[], dict[str, Evidence]],
    count: int,
    seed: int,
) -> list[LeafRow]:
    """A row for every leaf."""
    moves = {
        path: draw_directions(problem, path, count, seed + number)
        for number, path in enumerate(problem.point)
    }
    claims = [
        abs(float(np.vdot(evidence[path].claimed, move)))
        for path, some in moves.items()
        for move in some
    ]
    visible = VISIBLE * max(filter(np.isfinite, claims), default=0.0)
    rows = []
    for path, some in moves.items():
        slopes = slopes_along(problem, problem.point, path, some)
        case = LeafCheck(
            problem,
            path,
            evidence[path],
            some,
            slopes,
            visible,
            lambda path=path: beside()[path],  # type: ignore[misc]
            seed,
        )
        rows.append(_decide_leaf(case))
    return rows


def excuse_saturation(row: LeafRow, evidence: dict[str, Evidence]) -> LeafRow:
    """A leaf that is off by little in a network whose every layer is right by itself.

    Where a value is saturated every draw of the rounding is the same, so that the floor, which is
    measured by drawing it anew, is too low. The row's limit then is what was seen.
    """
    scale = max(found.largest for found in evidence.values())
    apart = row.difference or 0.0
    if row.verdict is not Verdict.WRONG or not row.limit < apart <= ROUNDING * scale:
        return row
    note = "rounding of saturated values: every layer is right by itself"
    return replace(row, verdict=Verdict.PASS, limit=apart, note=note, worst=None)


def _decide_leaf(case: LeafCheck) -> LeafRow:
    row = _row(case)
    found = case.evidence
    if not np.isfinite(found.claimed).all() or not np.isfinite(row.numerical):
        return _nonfinite(case, row)
    if largest(found.claimed - found.again) > found.unrest:
        return replace(row, verdict=Verdict.NONDETERMINISTIC, note="two equal calls differ")
    suspects = disagreeing_elements(found)
    if suspects.size:
        return by_elements(case, row, suspects)
    if contradicted(case.slopes, found.reference, case.moves, found.blur):
        return by_directions(case, row)
    if any(slope.corner for slope in case.slopes):
        return replace(row, verdict=Verdict.KINK, note="a valid value at a corner")
    return _without_objection(case, row)


def _row(case: LeafCheck) -> LeafRow:
    """The row's figures, without a verdict."""
    found, leaf = case.evidence, case.evidence.value
    pairs = list(zip(case.slopes, case.moves, strict=True))
    errors = [abs(slope.value - float(np.vdot(found.reference, move))) for slope, move in pairs]
    worst = int(np.argmax(errors)) if errors else 0
    seen = found.limit if case.problem.automatic else 0.0
    if not case.problem.independent:
        seen = max(seen, detection_limit(case.slopes, case.moves, found.blur, case.size))
    first, move = pairs[worst]
    ladder = replace(first.ladder, claimed=float(np.vdot(found.claimed, move)))
    return LeafRow(
        path=case.path,
        shape=leaf.shape,
        rms=rms(leaf),
        rms_gradient=rms(found.claimed),
        difference=None if found.automatic is None else largest(found.claimed - found.automatic),
        numerical=per_element(errors[worst], move),
        resolution=per_element(first.resolution, move),
        floor=found.floor,
        limit=seen,
        corners=sum(slope.corner for slope in case.slopes),
        verdict=Verdict.PASS,
        ladder=ladder,
        error=None if found.automatic is None else found.claimed - found.automatic,
    )


def _without_objection(case: LeafCheck, row: LeafRow) -> LeafRow:
    found = case.evidence
    if not found.claimed.any() and not found.reference.any():
        blind = SAFETY * max(slope.resolution for slope in case.slopes) > case.visible > 0
        if blind and not case.problem.independent:
            return replace(row, verdict=Verdict.UNRESOLVED, note="zero, as far as can be seen")
        return replace(row, verdict=Verdict.DEAD, note="identically zero: nothing flows here")
    value = case.slopes[0].noise / case.problem.value_epsilon
    if found.zero(value / case.size):
        return replace(row, note="zero: nothing is left but rounding")
    if found.limit > VISIBLE * largest(found.reference):
        return replace(row, verdict=Verdict.UNRESOLVED, note="rounding is as large as the gradient")
    seen = [
        SAFETY * slope.resolution <= VISIBLE * rms(found.claimed) * float(np.linalg.norm(move))
        for slope, move in zip(case.slopes, case.moves, strict=True)
    ]
    enough = 1 if found.value.size <= len(case.moves) else 2
    if sum(seen) >= enough and (case.problem.independent or row.limit <= BLIND * row.rms_gradient):
        return row
    if case.problem.independent:
        return replace(row, note="too small for differences; manual and automatic agree")
    return replace(row, verdict=Verdict.UNRESOLVED, note="too small for differences to see")


def _nonfinite(case: LeafCheck, row: LeafRow) -> LeafRow:
    found = case.evidence
    bad = np.flatnonzero(~np.isfinite(found.claimed))
    if not bad.size:
        note = "the function is not finite close by"
        return replace(row, verdict=Verdict.UNRESOLVED, note=note)
    where = tuple(int(i) for i in np.unravel_index(bad[0], found.value.shape))
    others = ""
    if found.automatic is not None and np.isfinite(found.automatic).all():
        others = ", where the automatic gradient is finite"
    note = f"{bad.size:,} of {found.claimed.size:,} elements{others}"
    worst = Worst(
        where,
        float(found.claimed[where]),
        None if found.automatic is None else float(found.automatic[where]),
        float("nan"),
        float("nan"),
    )
    return replace(row, verdict=Verdict.NONFINITE, note=note, worst=worst)
