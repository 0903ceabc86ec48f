"""The derivative by one element, with steps that suit it and not its leaf.

The ladder goes from a quarter of the element down to what its own spacing allows, and every step is
a multiple of that spacing, so that x + h and x − h are exact. Steps that leave the function's
domain are left out; where one side is outside at any step, the other one's slope is the derivative.
"""

from __future__ import annotations

import numpy as np

from fnn.audit.differences.finite_differences import (
    NEIGHBORS,
    RUNGS,
    Slope,
    ladder_points,
    noise_of,
    one_sided_slope_of,
    sample_points,
    slope_of,
)
from fnn.audit.problem.problem import Problem

_RUNGS = 4 * RUNGS
"""at most; the spacing ends the ladder of all elements but those that are all but zero"""


def element_slope(problem: Problem, path: str, index: int) -> Slope:
    """The partial derivative by an element, from steps of many sizes."""
    steps = _exact_steps(problem, path, index)
    move = np.zeros(problem.point[path].size)
    move[index] = 1.0
    direction = move.reshape(problem.point[path].shape)
    block = len(sample_points(problem.value_epsilon))
    where = _padded(ladder_points(steps), block)
    with np.errstate(all="ignore"):
        values = np.concatenate(
            [problem.values(problem.point, path, direction, part) for part in where]
        )
        return _slope(values, steps, problem)


def _slope(values: np.ndarray, steps: np.ndarray, problem: Problem) -> Slope:
    count = len(steps)
    used, near = values[: 1 + 2 * count], values[1 + 2 * count : 1 + 2 * count + NEIGHBORS]
    noise = max(noise_of(np.append(used[:1], near), problem.value_epsilon), problem.noise)
    up, down = used[1 : count + 1], used[count + 1 :]
    for side, sign in ((up, 1), (down, -1)):
        other = down if side is up else up
        if np.isfinite(side).any() and not np.isfinite(other).any():
            return one_sided_slope_of(used[0], side, steps, noise, sign)
    return slope_of(used, noise, problem.value_epsilon, steps)


def _exact_steps(problem: Problem, path: str, index: int) -> np.ndarray:
    """Steps that fall by 4 (by 2 in float32), each a multiple of the spacing around the element."""
    leaf = problem.point[path]
    element = abs(float(leaf.ravel()[index]))
    narrow = problem.value_epsilon > 1e-10 or leaf.dtype == np.float32
    ratio = 2.0 if narrow else 4.0
    size = max(element, problem.sizes[path])
    steps = 2.0 ** np.floor(np.log2(size)) * ratio ** -np.arange(1, _RUNGS + 1)
    spacing = 2 * float(np.spacing(leaf.dtype.type(element)))
    return steps[steps >= spacing]


def _padded(where: np.ndarray, block: int) -> list[np.ndarray]:
    """The points in blocks of the length that is compiled already."""
    missing = -len(where) % block
    return np.split(np.append(where, np.zeros(missing)), (len(where) + missing) // block)
