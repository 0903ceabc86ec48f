"""Slopes of the audited function: along random directions, along coordinates, bisected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fnn.gradients.audit.problem import Array, Leaves, Problem
from fnn.gradients.audit.slopes import Slope, noise_of, places, slope_of

SAFETY = 4
"""how many times its own error estimate a slope may be off before it counts"""
_MISSED = 0.044
"""of six normal numbers, two are larger than this share of a deviation but once in a million"""


def directions(problem: Problem, path: str, count: int, seed: int) -> list[Array]:
    """Every coordinate of a leaf of `count` elements or fewer; else `count` normal directions."""
    leaf, size = problem.point[path], problem.sizes[path]
    if leaf.size <= count:
        return [_coordinate(leaf, index, size) for index in range(leaf.size)]
    draw = np.random.default_rng(seed)
    return [size * draw.normal(size=leaf.shape) for _ in range(count)]


def along(problem: Problem, point: Leaves, path: str, moves: list[Array]) -> list[Slope]:
    """The slope along each direction, its noise no less than what most directions show."""
    epsilon = problem.value_epsilon
    where = places(epsilon)
    with np.errstate(all="ignore"):
        values = [problem.values(point, path, move, where) for move in moves]
        noises = [noise_of(found, epsilon) for found in values]
        usual = max(float(np.median(noises)), problem.noise)
        return [
            slope_of(found, max(own, usual), epsilon)
            for found, own in zip(values, noises, strict=True)
        ]


def at_coordinate(problem: Problem, path: str, index: int) -> Slope:
    """The partial derivative by one element, in units of that element."""
    leaf = problem.point[path]
    move = _coordinate(leaf, index, problem.sizes[path])
    (slope,) = along(problem, problem.point, path, [move])
    size = move.ravel()[index]
    return replace(
        slope,
        value=float(slope.value / size),
        resolution=float(slope.resolution / size),
        low=float(slope.low / size),
        high=float(slope.high / size),
    )


def off(slope: Slope, gradient: Array, move: Array, floor: float) -> bool:
    """Whether a gradient contradicts a slope beyond all that either may be off by rounding."""
    allowed = slope.resolution + floor * float(np.linalg.norm(move))
    return slope.distance(float(np.vdot(gradient, move))) > SAFETY * allowed


def contradicted(
    slopes: list[Slope], gradient: Array, moves: list[Array], floor: float = 0.0
) -> bool:
    """Whether a leaf's slopes speak against a gradient: two random ones, or one of a coordinate."""
    count = sum(
        off(slope, gradient, move, floor) for slope, move in zip(slopes, moves, strict=True)
    )
    return count > (0 if gradient.size <= len(moves) else 1)


def limit(slopes: list[Slope], size: float, elements: int) -> float:
    """The error of an element that no `contradicted` misses, but once in a million audits."""
    worst = SAFETY * max(slope.resolution for slope in slopes) / size
    return worst if elements <= len(slopes) else worst / _MISSED


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
        moves = [_only(leaf, half, problem.sizes[path], draw) for half in halves]
        slopes = along(problem, problem.point, path, moves)
        errors = [
            slope.distance(float(np.vdot(claimed, move)))
            for slope, move in zip(slopes, moves, strict=True)
        ]
        inside = halves[int(np.argmax(errors))]
    return int(inside[0])


def _only(leaf: Array, chosen: np.ndarray, size: float, draw: np.random.Generator) -> Array:
    """A direction of ± the leaf's size in the chosen elements alone."""
    move = np.zeros(leaf.size)
    move[chosen] = size * draw.choice([-1.0, 1.0], chosen.size)
    return move.reshape(leaf.shape)


def _coordinate(leaf: Array, index: int, size: float) -> Array:
    move = np.zeros(leaf.size)
    move[index] = max(abs(float(leaf.ravel()[index])), size)
    return move.reshape(leaf.shape)
