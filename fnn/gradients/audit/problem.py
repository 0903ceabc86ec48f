"""What an audit asks of a function and of a claimed gradient, wherever the two come from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Leaves = dict[str, Any]
"""arrays by path"""
_LEAST = 1e-3


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
    other_way: Callable[[Leaves], Leaves] | None = None
    """the claimed gradient operation by operation where `claimed` is compiled, and the reverse"""
    forward: Callable[[Leaves, Leaves], float] | None = None
    """the slope along a direction by forward mode"""
    curvature: Callable[[Leaves, Leaves], Leaves] | None = None
    """the Hessian times a direction"""

    def moved(self, by: float, seed: int) -> Leaves:
        """A point close by: every element moved by about `by` times its own size."""
        draw = np.random.default_rng(seed)
        return {
            path: (leaf * (1 + by * draw.choice([-1, 1], leaf.shape))).astype(leaf.dtype)
            for path, leaf in self.point.items()
        }

    def beside(self, by: float, seed: int) -> Leaves:
        """A point close by in general position: zeros move too, by `by` times the leaf's size."""
        draw = np.random.default_rng(seed)
        return {
            path: (leaf + by * self.sizes[path] * draw.normal(size=leaf.shape)).astype(leaf.dtype)
            for path, leaf in self.point.items()
        }

    @functools.cached_property
    def sizes(self) -> dict[str, float]:
        """The size of each leaf, by which its steps are scaled: its rms, 1 for zeros.

        A leaf that is all but zero (biases after one step) counts as a thousandth of the largest.
        """
        own = {path: rms(leaf) for path, leaf in self.point.items()}
        least = _LEAST * max(own.values(), default=0.0)
        return {path: max(size, least) if size else 1.0 for path, size in own.items()}


def rms(leaf: Array) -> float:
    """The root of the mean square; 0 for an empty leaf."""
    if not leaf.size:
        return 0.0
    largest = float(np.abs(leaf).max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean(np.square(leaf.astype(np.float64) / largest))))
