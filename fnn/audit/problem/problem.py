"""What an audit needs of a function and its claimed gradient, whatever their origin."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from fnn.audit.differences.finite_differences import sample_points
from fnn.layer import PyTree

Array = NDArray[np.floating]
Leaves = dict[str, Any]
"""arrays by path"""
_LIFTED, _ALL_BUT_ZERO = 1e-3, 1e-6
REPEATS = 4
"""points moved by a unit in the last place, each of which gives another draw of all rounding"""


@dataclass(frozen=True)
class Problem:
    """A scalar function of some leaves, and its gradient as claimed."""

    point: Leaves
    values: Callable[[Leaves, str, Array, Array], Array]
    """(point, path, direction, t): the function, that leaf moved by t · direction, for each t"""
    claimed: Callable[[Leaves], Leaves]
    automatic: Callable[[Leaves], Leaves] | None
    """the reference, None where JAX can't trace the function"""
    independent: bool
    """whether claimed and automatic are two derivations, so that each proves the other"""
    epsilon: float
    """the relative precision in which the claimed gradient is computed"""
    value_epsilon: float
    """… and the function's values"""
    rounded: Callable[[Leaves], Leaves] | None = None
    """the automatic gradient in the claimed one's precision, where `automatic` is more precise"""
    eager: Callable[[Leaves], Leaves] | None = None
    """the automatic gradient operation by operation, which rounds in another way"""
    other_way: Callable[[Leaves], Leaves] | None = None
    """the claimed gradient operation by operation where `claimed` is compiled, and the reverse"""
    forward: Callable[[Leaves, Leaves], float] | None = None
    """the slope along a direction by forward mode"""
    curvature: Callable[[Leaves, Leaves], Leaves] | None = None
    """the Hessian times a direction"""

    def moved(self, by: float, seed: int) -> Leaves:
        """A point close by: every element moved by `by` times itself, up or down."""
        draw = np.random.default_rng(seed)

        def move(leaf: Array) -> Array:
            fine = by < np.finfo(leaf.dtype).eps
            signs = draw.choice([-1.0, 1.0], leaf.shape)
            return (leaf * (1 + by * signs)).astype(np.float64 if fine else leaf.dtype)

        return {path: move(leaf) for path, leaf in self.point.items()}

    def beside(self, by: float, seed: int) -> Leaves:
        """A point close by in general position: zeros move too, by `by` times the leaf's size."""
        draw = np.random.default_rng(seed)
        return {
            path: (leaf + by * self.sizes[path] * draw.normal(size=leaf.shape)).astype(leaf.dtype)
            for path, leaf in self.point.items()
        }

    @functools.cached_property
    def noise(self) -> float:
        """What one unit in the last place of every element does to the function's value."""
        path, leaf = next(iter(self.point.items()))
        still, where = np.zeros(leaf.shape), sample_points(self.value_epsilon)
        points = [self.point, *(self.moved(self.value_epsilon, seed) for seed in range(REPEATS))]
        first, *others = (self.values(point, path, still, where)[0] for point in points)
        return float(max(abs(other - first) for other in others))

    @functools.cached_property
    def sizes(self) -> dict[str, float]:
        """The size of each leaf, by which its steps are scaled: its rms, 1 for zeros.

        A leaf that is all but zero beside the others (biases after one step) counts as a thousandth
        of the largest.
        """
        own = {path: rms(leaf) for path, leaf in self.point.items()}
        largest = max(own.values(), default=0.0)

        def lifted(size: float) -> float:
            if not size:
                return 1.0
            return _LIFTED * largest if size < _ALL_BUT_ZERO * largest else size

        return {path: lifted(size) for path, size in own.items()}


def largest(tree: PyTree) -> float:
    """The largest finite element of an array, or of a tree of them; 0 where there is none."""
    result = 0.0
    for leaf in jax.tree.leaves(tree):
        finite = np.abs(leaf[np.isfinite(leaf)])
        result = max(result, float(finite.max(initial=0)))
    return result


def rms(leaf: Array) -> float:
    """The root of the mean square; 0 for an empty leaf."""
    if not leaf.size:
        return 0.0
    largest = float(np.abs(leaf).max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean(np.square(leaf.astype(np.float64) / largest))))
