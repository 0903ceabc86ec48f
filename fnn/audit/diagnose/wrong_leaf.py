"""The input of a diagnoser: a wrong leaf, and the tensors of the layer that computed it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fnn.audit.problem.problem import Array, Leaves

EXACT = 1e-9
"""relative agreement at which a supposed mistake counts as the one that was made, in float64"""
CONSTANT = 100
"""how many times that a gradient may be off the multiple of another"""


@dataclass(frozen=True)
class WrongLeaf:
    """A wrong gradient beside the one expected."""

    leaf: str
    claimed: Array
    expected: Array
    layer: object = None
    """the faulty layer, loss or penalty, as a spec; None for a function that is no network"""
    x: object = None
    """its input"""
    y: object = None
    dy: object = None
    """the cotangent that reached it"""
    params: Leaves = field(default_factory=dict)
    """its parameters by path"""
    state: Leaves = field(default_factory=dict)
    others: Leaves = field(default_factory=dict)
    """other expected gradients by name: of its other leaves, of its children's inputs"""
    sizes: dict[str, float] = field(default_factory=dict)
    """numbers that people forget or repeat, by what they are"""
    target: NDArray[np.generic] | None = None
    """of a loss"""
    weight: Array | None = None
    """of the examples"""
    combines: bool = False
    """whether it is made of layers, each of which is right by itself"""
    input_correct: bool = False
    """whether the input's gradient is correct"""
    exact: float = EXACT
    """relative agreement that counts as equal: the accuracy of `expected`"""

    @property
    def error(self) -> Array:
        """Claimed − expected."""
        difference: Array = self.claimed - self.expected
        return difference

    @property
    def size(self) -> float:
        """The largest expected element."""
        return float(np.abs(self.expected).max(initial=0))

    @property
    def off(self) -> NDArray[np.bool_]:
        """Which elements are off beyond rounding."""
        off: NDArray[np.bool_] = np.abs(self.error) > self.exact * self.size
        return off

    def array(self, name: str) -> Array | None:
        """`x`, `y` or `dy` where it is one array of floats."""
        tensor = getattr(self, name)
        if isinstance(tensor, np.ndarray) and np.issubdtype(tensor.dtype, np.floating):
            return tensor
        return None

    def same(self, a: Array | None, b: Array) -> bool:
        """Equal but for rounding, in units of the largest element."""
        if a is None or a.shape != b.shape or not b.size:
            return False
        size = max(float(np.abs(b).max()), float(np.abs(a).max()))
        if not np.isfinite(size):
            return False
        return bool(np.abs(a - b).max() <= self.exact * size)

    def multiple(self, a: Array, b: Array) -> float | None:
        """The constant c with a = c b, if there is one other than zero."""
        if a.shape != b.shape or not b.any() or not a.any():
            return None
        scale = float(np.abs(b).max())
        c = float(np.vdot(a, b / scale) / (np.vdot(b / scale, b / scale) * scale))
        if c == 0 or np.abs(a - c * b).max() > CONSTANT * self.exact * np.abs(a).max():
            return None
        return c

    def unit(self, axis: int) -> str:
        """What the indices of an axis count."""
        ndim = self.expected.ndim
        if self.leaf.startswith(("input", "output")):
            return "example" if axis == 0 else "feature" if axis == ndim - 1 else "step"
        return "row" if axis == 0 and ndim > 1 else "column" if axis == 1 else "element"
