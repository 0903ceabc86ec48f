"""Claimed and automatic gradients at a point, and what rounding alone does to them.

The noise floor of a leaf is measured, not guessed: both gradients are computed again at points
moved by one unit in the last place, which draws the rounding of every sum and product anew (the
idea of CESTAC, Vignes 1993). So a leaf that is zero by structure, the bias in front of BatchNorm,
shows the size of the terms that cancel in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fnn.gradients.audit.problem import Array, Leaves, Problem

REPEATS = 4
SURE, SURE_MEASURED = 64, 8
"""how many times the noise floor a difference must be to count; the second where the floor holds
the error of a right gradient in that precision"""
_SIBLINGS = 1e-3
"""the share of a sister leaf's rounding that any leaf is granted"""


@dataclass(frozen=True)
class Evidence:
    """What one leaf gave."""

    value: Array
    claimed: Array
    again: Array
    """the same call, a second time"""
    automatic: Array | None
    floor: float
    unrest: float
    """what rounding may do to the same call, a second time"""
    limit: float
    """no difference between claimed and automatic above it passes"""
    largest: float
    """of all leaves' right gradients"""

    @property
    def reference(self) -> Array:
        """The automatic gradient, or the claimed one where there is no other."""
        return self.claimed if self.automatic is None else self.automatic

    def zero(self, scale: float) -> bool:
        """Whether nothing but rounding is left of terms of that size, which cancel."""
        found = max(np.abs(leaf).max(initial=0) for leaf in (self.claimed, self.reference))
        return bool(found <= self.limit and self.limit <= 1e-6 * max(self.largest, scale))


def gather(problem: Problem) -> dict[str, Evidence]:
    """The evidence of every leaf at the problem's point."""
    claimed, again = problem.claimed(problem.point), problem.claimed(problem.point)
    automatic = problem.automatic(problem.point) if problem.automatic else None
    right = automatic or claimed
    calm = _calm(problem, right)
    floors = _floors(problem, calm, claimed, automatic)
    sure = SURE_MEASURED if problem.rounded else SURE
    largest = max((np.abs(leaf).max(initial=0) for leaf in right.values()), default=0.0)
    return {
        path: Evidence(
            value,
            claimed[path],
            again[path],
            automatic[path] if automatic else None,
            floors[path],
            SURE * calm[path],
            sure * floors[path],
            float(largest),
        )
        for path, value in problem.point.items()
    }


def _calm(problem: Problem, right: Leaves) -> dict[str, float]:
    """One unit in the last place of a leaf's largest element, or of a sister's, a thousandth."""
    sizes = {path: _largest(leaf) for path, leaf in right.items()}
    floors = {}
    for path, size in sizes.items():
        place = path.rpartition(".")[0]
        sisters = (sizes[name] for name in sizes if name.rpartition(".")[0] == place)
        floors[path] = problem.epsilon * max(size, _SIBLINGS * max(sisters))
    return floors


def _floors(
    problem: Problem, calm: dict[str, float], claimed: Leaves, automatic: Leaves | None
) -> dict[str, float]:
    """… and what four draws of the rounding change."""
    floors = dict(calm)
    for repeat in range(REPEATS):
        near = problem.moved(problem.epsilon, seed=repeat)
        _raise(floors, claimed, problem.claimed(near))
        if problem.automatic and automatic:
            _raise(floors, automatic, problem.automatic(near))
    if problem.rounded and automatic:
        _raise(floors, automatic, problem.rounded(problem.point))
    return floors


def _raise(floors: dict[str, float], here: Leaves, there: Leaves) -> None:
    """Lift each floor to the largest change, save where that is not a number."""
    for path, floor in floors.items():
        floors[path] = max(floor, _largest(there[path] - here[path]))


def _largest(leaf: Array) -> float:
    finite = np.abs(leaf[np.isfinite(leaf)])
    return float(finite.max(initial=0))
