"""A network to plant faults in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from fnn.combinators import Serial
from fnn.layer import PyTree
from fnn.losses import Loss, Penalty
from fnn.objective import Batch, Objective, Policy
from fnn.shapes import shape_of


@dataclass(frozen=True)
class TrialNetwork:
    """A network with its loss, and what it takes to draw a batch and parameters for it."""

    name: str
    net: Serial
    loss: Loss | str
    rows: int
    features: tuple[int, ...]
    outputs: tuple[int, ...]
    target: Literal["classes", "yes or no", "numbers"]
    penalties: tuple[Penalty, ...] = ()
    weighted: bool = False
    tokens: int | None = None
    """inputs are class numbers below this"""

    @property
    def objective(self) -> Objective:
        """What is differentiated, in float64."""
        return Objective(self.net, self.loss, self.penalties, Policy("float64"))  # type: ignore

    def batch(self, seed: int = 0) -> Batch:
        """Inputs, targets, and weights of which one is zero."""
        draw = np.random.default_rng([seed, 1])
        x: Any = draw.normal(size=(self.rows, *self.features))
        if self.tokens is not None:
            x = draw.integers(0, self.tokens, x.shape, dtype=np.int32)
        target: Any = draw.normal(size=(self.rows, *self.outputs))
        if self.target == "classes":
            target = draw.integers(0, self.outputs[-1], target.shape[:-1], dtype=np.int32)
        elif self.target == "yes or no":
            target = draw.integers(0, 2, target.shape, dtype=np.int32)
        weight: Any = None
        if self.weighted:
            weight = draw.uniform(0.5, 2, self.rows)
            weight[1] = 0
        return Batch(x, target, weight)

    def point(self, seed: int = 0) -> tuple[PyTree, PyTree]:
        """Parameters and state in general position: no zeros, no ones, nothing alike."""
        with jax.enable_x64(True):
            in_shape = shape_of(self.batch(seed).x)
            result = jax.eval_shape(lambda: self.objective.init(jax.random.key(0), in_shape))
        draw = np.random.default_rng([seed, 2])

        def fill(path: tuple[Any, ...], leaf: Any) -> np.ndarray:
            numbers = draw.normal(size=leaf.shape)
            name = path[-1].key
            if name == "weight":
                return numbers / math.sqrt(leaf.shape[-2])
            if name in ("scale", "variance", "weight_sum"):
                return np.exp(0.3 * numbers)
            return 0.3 * numbers

        params, state = jax.tree_util.tree_map_with_path(fill, result)
        return params, state
