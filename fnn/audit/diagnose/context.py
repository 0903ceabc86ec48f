"""What a diagnosis may look at: one wrong leaf, and the tensors that were near when it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fnn.audit.problem.problem import Array, Leaves

EXACT = 1e-9
"""relative agreement at which a supposed mistake counts as the one that was made, in float64"""


@dataclass(frozen=True)
class Context:
    """A wrong gradient beside the right one."""

    leaf: str
    own: Array
    right: Array
    layer: Any
    """the layer, loss or penalty at fault, as a spec"""
    x: Any = None
    """its input"""
    y: Any = None
    dy: Any = None
    """the cotangent that reached it"""
    params: Leaves = field(default_factory=dict)
    """its parameters by path"""
    state: Leaves = field(default_factory=dict)
    others: Leaves = field(default_factory=dict)
    """other right gradients by name: of its other leaves, of its children's inputs"""
    sizes: dict[str, float] = field(default_factory=dict)
    """numbers that people forget or repeat, by what they are"""
    target: Any = None
    """of a loss"""
    weight: Any = None
    """of the examples"""
    combines: bool = False
    """whether it is made of layers, which have been found right by themselves"""
    input_right: bool = False
    """whether the input's gradient is right"""
    exact: float = EXACT
    """relative agreement that counts as equal: the accuracy of `right`"""

    @property
    def error(self) -> Array:
        """What is too much."""
        difference: Array = self.own - self.right
        return difference

    @property
    def size(self) -> float:
        """The largest right element."""
        return float(np.abs(self.right).max(initial=0))

    def array(self, name: str) -> Array | None:
        """`x`, `y` or `dy` where it is one array of floats."""
        found = getattr(self, name)
        if isinstance(found, np.ndarray) and np.issubdtype(found.dtype, np.floating):
            return found
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
        if c == 0 or np.abs(a - c * b).max() > 100 * self.exact * np.abs(a).max():
            return None
        return c


def shown(value: float) -> str:
    """A factor in words: 4 digits, no more."""
    return ("−" if value < 0 else "") + f"{abs(value):.4g}"
