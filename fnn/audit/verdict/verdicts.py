"""From evidence to a verdict, one leaf at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fnn.audit.differences.directional import (
    SAFETY,
    detection_limit,
    draw_directions,
    is_contradicted,
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
from fnn.audit.verdict.element_by_element import element_by_element
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
    directions = {
        path: draw_directions(problem, path, count, seed + number)
        for number, path in enumerate(problem.point)
    }
    claims = [
        abs(float(np.vdot(evidence[path].claimed, direction)))
        for path, some in directions.items()
        for direction in some
    ]
    visible = VISIBLE * max(filter(np.isfinite, claims), default=0.0)
    rows = []
    for path, some in directions.items():
        if not problem.point[path].size:
            rows.append(_empty(path, problem.point[path].shape))
            continue
        slopes = slopes_along(problem, problem.point, path, some)
        check = LeafCheck(
            problem,
            path,
            evidence[path],
            some,
            slopes,
            visible,
            lambda path=path: beside()[path],  # type: ignore[misc]
            seed,
        )
        rows.append(element_by_element(check, _decide_leaf(check)))
    return rows


def excuse_saturation(row: LeafRow, evidence: dict[str, Evidence]) -> LeafRow:
    """A leaf that is off by little in a network whose every layer is right by itself.

    Where a value is saturated every draw of the rounding is the same, so that the floor, which is
    measured by redrawing it, is too low. The row's limit then is the observed error.
    """
    scale = max(measured.largest for measured in evidence.values())
    apart = row.difference or 0.0
    if row.verdict is not Verdict.WRONG or not row.limit < apart <= ROUNDING * scale:
        return row
    note = "rounding of saturated values: every layer is right by itself"
    return replace(row, verdict=Verdict.PASS, limit=apart, note=note, worst=None)


def _decide_leaf(check: LeafCheck) -> LeafRow:
    row = _row(check)
    measured = check.evidence
    if not np.isfinite(measured.claimed).all() or not np.isfinite(row.numerical):
        return _nonfinite(check, row)
    if largest(measured.claimed - measured.again) > measured.repeat_limit:
        return replace(row, verdict=Verdict.NONDETERMINISTIC, note="two equal calls differ")
    elements = disagreeing_elements(measured)
    if elements.size:
        return by_elements(check, row, elements)
    if is_contradicted(
        check.slopes, measured.reference, check.directions, measured.automatic_floor
    ):
        return by_directions(check, row)
    if any(slope.corner for slope in check.slopes):
        return replace(row, verdict=Verdict.KINK, note="a valid value at a corner")
    return _without_objection(check, row)


def _empty(path: str, shape: tuple[int, ...]) -> LeafRow:
    """A leaf without elements, whose gradient can't be wrong."""
    return LeafRow(
        path=path,
        shape=shape,
        rms=0.0,
        rms_gradient=0.0,
        difference=None,
        numerical=0.0,
        resolution=0.0,
        floor=0.0,
        limit=0.0,
        corners=0,
        verdict=Verdict.PASS,
        note="empty: it holds no elements",
    )


def _row(check: LeafCheck) -> LeafRow:
    """The row's figures, without a verdict."""
    measured, leaf = check.evidence, check.evidence.value
    pairs = list(zip(check.slopes, check.directions, strict=True))
    errors = [
        abs(slope.value - float(np.vdot(measured.reference, direction)))
        for slope, direction in pairs
    ]
    worst = int(np.argmax(errors)) if errors else 0
    seen = measured.detection_limit if check.problem.automatic else 0.0
    if not check.problem.independent:
        seen = max(
            seen,
            detection_limit(check.slopes, check.directions, measured.automatic_floor, check.size),
        )
    first, direction = pairs[worst]
    ladder = replace(first.ladder, claimed=float(np.vdot(measured.claimed, direction)))
    return LeafRow(
        path=check.path,
        shape=leaf.shape,
        rms=rms(leaf),
        rms_gradient=rms(measured.claimed),
        difference=None
        if measured.automatic is None
        else largest(measured.claimed - measured.automatic),
        numerical=per_element(errors[worst], direction),
        resolution=per_element(first.resolution, direction),
        floor=measured.noise_floor,
        limit=seen,
        corners=sum(slope.corner for slope in check.slopes),
        verdict=Verdict.PASS,
        ladder=ladder,
        error=None if measured.automatic is None else measured.claimed - measured.automatic,
    )


def _without_objection(check: LeafCheck, row: LeafRow) -> LeafRow:
    measured = check.evidence
    if not measured.claimed.any() and not measured.reference.any():
        blind = SAFETY * max(slope.resolution for slope in check.slopes) > check.visible > 0
        if blind and not check.problem.independent:
            return replace(row, verdict=Verdict.UNRESOLVED, note="zero, as far as can be seen")
        return replace(row, verdict=Verdict.DEAD, note="identically zero: nothing flows here")
    value = check.slopes[0].noise / check.problem.value_epsilon
    if measured.zero(value / check.size):
        return replace(row, note="zero: nothing is left but rounding")
    if measured.detection_limit > VISIBLE * largest(measured.reference):
        return replace(row, verdict=Verdict.UNRESOLVED, note="rounding is as large as the gradient")
    seen = [
        SAFETY * slope.resolution
        <= VISIBLE * rms(measured.claimed) * float(np.linalg.norm(direction))
        for slope, direction in zip(check.slopes, check.directions, strict=True)
    ]
    enough = 1 if measured.value.size <= len(check.directions) else 2
    if sum(seen) >= enough and (check.problem.independent or row.limit <= BLIND * row.rms_gradient):
        return row
    if check.problem.independent:
        return replace(row, note="too small for differences; manual and automatic agree")
    return replace(row, verdict=Verdict.UNRESOLVED, note="too small for differences to see")


def _nonfinite(check: LeafCheck, row: LeafRow) -> LeafRow:
    measured = check.evidence
    bad = np.flatnonzero(~np.isfinite(measured.claimed))
    if not bad.size:
        note = "the function is not finite close by"
        return replace(row, verdict=Verdict.UNRESOLVED, note=note)
    where = tuple(int(i) for i in np.unravel_index(bad[0], measured.value.shape))
    others = ""
    if measured.automatic is not None and np.isfinite(measured.automatic).all():
        others = ", where the automatic gradient is finite"
    note = f"{bad.size:,} of {measured.claimed.size:,} elements{others}"
    worst = Worst(
        where,
        float(measured.claimed[where]),
        None if measured.automatic is None else float(measured.automatic[where]),
        float("nan"),
        float("nan"),
    )
    return replace(row, verdict=Verdict.NONFINITE, note=note, worst=worst)
