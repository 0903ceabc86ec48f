"""Claimed and automatic gradients at a point, and what rounding alone does to them.

The noise floor of a leaf is measured, not guessed: both gradients are computed again at points
moved by one unit in the last place, which gives another draw of every rounding (the
idea of CESTAC, Vignes 1993). So a leaf that is zero by structure, the bias in front of BatchNorm,
shows the size of the terms that cancel in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fnn.audit.problem.problem import REPEATS, Array, Leaves, Problem, largest

MARGIN, MEASURED_MARGIN = 64, 8
"""how many times the noise floor a difference must be to count; the second where the floor holds
the error of a right gradient in that precision"""
SISTERS = 1e-3
"""the share of a sister leaf's rounding that any leaf is granted"""


@dataclass(frozen=True)
class Evidence:
    """What one leaf gave."""

    value: Array
    claimed: Array
    again: Array
    """the same call, a second time"""
    automatic: Array | None
    noise_floor: float
    automatic_floor: float
    """what rounding does to the reference itself, in the precision that it is computed in"""
    repeat_limit: float
    """what rounding may do to the same call, a second time"""
    detection_limit: float
    """no difference between claimed and automatic above it passes"""
    largest: float
    """of all leaves' right gradients"""
    blur: Array
    """what rounding does to each element, or one unit in its last place"""

    @property
    def reference(self) -> Array:
        """The automatic gradient, or the claimed one where there is no other finite number."""
        if self.automatic is None:
            return self.claimed
        return np.where(self.undefined, self.claimed, self.automatic)

    @property
    def undefined(self) -> NDArray[np.bool_]:
        """Where the automatic gradient is not finite and the claimed one is.

        Reverse mode multiplies the branch that `where` did not take by zero, and 0 · ∞ is NaN.
        """
        if self.automatic is None:
            return np.zeros(self.claimed.shape, bool)
        return np.isfinite(self.claimed) & ~np.isfinite(self.automatic)

    def zero(self, scale: float) -> bool:
        """Whether nothing but rounding is left of terms of that size, which cancel."""
        size = max(np.abs(leaf).max(initial=0) for leaf in (self.claimed, self.reference))
        return bool(
            size <= self.detection_limit and self.detection_limit <= 1e-6 * max(self.largest, scale)
        )


def gather(problem: Problem) -> dict[str, Evidence]:
    """The evidence of every leaf at the problem's point."""
    claimed, again = problem.claimed(problem.point), problem.claimed(problem.point)
    automatic = problem.automatic(problem.point) if problem.automatic else None
    expected = automatic or claimed
    calm = _ulp_floors(expected, problem.epsilon)
    blurs = _automatic_floors(problem, claimed, automatic)
    changes = [
        problem.claimed(problem.moved(problem.epsilon, seed=repeat)) for repeat in range(REPEATS)
    ]
    floors = {path: max(calm[path], blurs[path]) for path in calm}
    for near in changes:
        _lift(floors, claimed, near)
    if problem.rounded and automatic:
        _lift(floors, automatic, problem.rounded(problem.point))
    sure = MEASURED_MARGIN if problem.rounded else MARGIN
    return {
        path: Evidence(
            value,
            claimed[path],
            again[path],
            automatic[path] if automatic else None,
            floors[path],
            blurs[path] if automatic else floors[path],
            MARGIN * calm[path],
            sure * floors[path],
            largest(expected),
            _blur(path, problem.epsilon, claimed, automatic, changes),
        )
        for path, value in problem.point.items()
    }


def _ulp_floors(expected: Leaves, epsilon: float) -> dict[str, float]:
    """One unit in the last place of a leaf's largest element, or of a sister's, a thousandth."""
    sizes = {path: largest(leaf) for path, leaf in expected.items()}
    floors = {}
    for path, size in sizes.items():
        owner = path.rpartition(".")[0]
        sisters = (sizes[name] for name in sizes if name.rpartition(".")[0] == owner)
        floors[path] = epsilon * max(size, SISTERS * max(sisters))
    return floors


def _automatic_floors(
    problem: Problem, claimed: Leaves, automatic: Leaves | None
) -> dict[str, float]:
    """… and what draws of the rounding change in the automatic gradient."""
    blurs = _ulp_floors(automatic or claimed, problem.value_epsilon)
    for repeat in range(REPEATS) if problem.automatic and automatic else ():
        near = problem.moved(problem.value_epsilon, seed=repeat)
        _lift(blurs, automatic, problem.automatic(near))  # type: ignore[arg-type, misc]
    if problem.eager and automatic:
        _lift(blurs, automatic, problem.eager(problem.point))
    return blurs


def _blur(
    path: str, epsilon: float, claimed: Leaves, automatic: Leaves | None, changes: list[Leaves]
) -> Array:
    """… in each element of the claimed gradient by itself."""
    size = np.abs(claimed[path])
    if automatic is not None:
        size = np.fmax(size, np.where(np.isfinite(automatic[path]), np.abs(automatic[path]), 0))
    blur = epsilon * size
    for near in changes:
        blur = np.fmax(blur, np.abs(near[path] - claimed[path]))
    return np.asarray(blur)


def _lift(floors: dict[str, float], here: Leaves, there: Leaves) -> None:
    """Lift each floor to the largest change, save where that is not a number."""
    for path, floor in floors.items():
        floors[path] = max(floor, largest(there[path] - here[path]))
