"""Slopes of the audited function: along random directions, along coordinates, bisected."""

from __future__ import annotations

import numpy as np

from fnn.audit.differences.finite_differences import Slope, noise_of, sample_points, slope_of
from fnn.audit.problem.problem import Array, Leaves, Problem

_LEAST = 1e-3
"""the smallest step of one element, in units of its leaf's size"""
SAFETY = 4
"""how many times its own error estimate a slope may be off before it counts"""
_MISSED = 1e-6
"""how often an error as large as the stated limit may be missed by random directions"""
_FINER = 4.0**-6
"""by how much smaller the steps of a second look are"""


def draw_directions(problem: Problem, path: str, count: int, seed: int) -> list[Array]:
    """Every coordinate of a leaf of `count` elements or fewer; else `count` normal directions."""
    leaf, size = problem.point[path], problem.sizes[path]
    if leaf.size <= count:
        return [_coordinate(leaf, index, size) for index in range(leaf.size)]
    draw = np.random.default_rng(seed)
    return [size * draw.normal(size=leaf.shape) for _ in range(count)]


def slopes_along(problem: Problem, point: Leaves, path: str, moves: list[Array]) -> list[Slope]:
    """The slope along each direction, its noise no less than what most directions show."""
    epsilon = problem.value_epsilon
    where = sample_points(epsilon)
    with np.errstate(all="ignore"):
        values = [problem.values(point, path, move, where) for move in moves]
        noises = [noise_of(result, epsilon) for result in values]
        usual = max(float(np.median(noises)), problem.noise)
        return [
            slope_of(result, max(own, usual), epsilon)
            for result, own in zip(values, noises, strict=True)
        ]


def at_coordinate(problem: Problem, path: str, index: int) -> tuple[Array, Slope]:
    """A step in one element, and the partial derivative by it."""
    leaf = problem.point[path]
    move = _coordinate(leaf, index, problem.sizes[path])
    (slope,) = slopes_along(problem, problem.point, path, [move])
    return move, slope.times(1 / float(move.ravel()[index]))


def is_off(slope: Slope, gradient: Array, move: Array, floor: float) -> bool:
    """Whether a gradient contradicts a slope beyond all that either may be off by rounding."""
    allowed = slope.resolution + floor * float(np.linalg.norm(move))
    return slope.distance(float(np.vdot(gradient, move))) > SAFETY * allowed


def is_contradicted(
    slopes: list[Slope], gradient: Array, moves: list[Array], floor: float = 0.0
) -> bool:
    """Whether a leaf's slopes contradict a gradient: two random ones, or one of a coordinate."""
    count = sum(
        is_off(slope, gradient, move, floor) for slope, move in zip(slopes, moves, strict=True)
    )
    return count > (0 if gradient.size <= len(moves) else 1)


def detection_limit(slopes: list[Slope], moves: list[Array], floor: float, size: float) -> float:
    """The error of an element that `is_contradicted` misses no more than once in a million times.

    The projection of an error on a normal direction is itself normal; two of `n` must exceed what
    counts. All but one are smaller than a share q of their deviation with probability n (0.8 q)ⁿ⁻¹.
    """
    norms = [float(np.linalg.norm(move)) for move in moves]
    allowed = [SAFETY * (s.resolution + floor * n) for s, n in zip(slopes, norms, strict=True)]
    if moves[0].size <= len(moves):
        return max(a / n for a, n in zip(allowed, norms, strict=True))
    count = len(moves)
    share = (_MISSED / count) ** (1 / (count - 1)) / 0.8
    return max(allowed) / (size * share)


def is_settled(problem: Problem, path: str, move: Array, slope: Slope) -> bool:
    """Whether steps four thousand times smaller give the same slope, within their resolution."""
    (fine,) = slopes_along(problem, problem.point, path, [_FINER * move])
    apart = abs(fine.value / _FINER - slope.value)
    return bool(apart <= SAFETY * (fine.resolution / _FINER + slope.resolution))


def per_element(difference: float, move: Array) -> float:
    """A slope along a direction as the error of its elements (rms) that would give it."""
    return float(difference / np.linalg.norm(move))


def bisect(problem: Problem, path: str, claimed: Array, seed: int) -> int:
    """The element where a claimed gradient contradicts the differences most, by halving."""
    leaf = problem.point[path]
    draw = np.random.default_rng(seed)
    inside = np.arange(leaf.size)
    while inside.size > 1:
        halves = np.array_split(inside, 2)
        moves = [_signs_in(leaf, half, problem.sizes[path], draw) for half in halves]
        slopes = slopes_along(problem, problem.point, path, moves)
        errors = [
            slope.distance(float(np.vdot(claimed, move)))
            for slope, move in zip(slopes, moves, strict=True)
        ]
        inside = halves[int(np.argmax(errors))]
    return int(inside[0])


def _signs_in(leaf: Array, chosen: np.ndarray, size: float, draw: np.random.Generator) -> Array:
    """A direction of ± the leaf's size in the chosen elements alone."""
    move = np.zeros(leaf.size)
    move[chosen] = size * draw.choice([-1.0, 1.0], chosen.size)
    return move.reshape(leaf.shape)


def _coordinate(leaf: Array, index: int, size: float) -> Array:
    move = np.zeros(leaf.size)
    if not leaf.any():
        move[index] = size
        return move.reshape(leaf.shape)
    move[index] = max(abs(float(leaf.ravel()[index])), _LEAST * size)
    return move.reshape(leaf.shape)
