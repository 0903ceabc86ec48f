"""Manual against automatic, without differences."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from fnn.audit.problem import from_network
from fnn.audit.problem.inputs import complete_inputs
from fnn.audit.verdict.evidence import gather
from fnn.layer import Layer, PyTree
from fnn.objective import Objective

PRECISION = "highest"
"""of matrix products on devices that would otherwise round their inputs"""


class Leaf(NamedTuple):
    """How far claimed and automatic gradient are apart in one leaf."""

    path: str
    difference: float
    floor: float
    ok: bool


def agreement(
    objective: Objective | Layer,
    batch: object,
    *,
    params: PyTree = None,
    state: PyTree = None,
    seed: int = 0,
    dtype: str = "float64",
    train: bool = True,
) -> list[Leaf]:
    """Manual against automatic alone, without differences: the cheap part of `audit`."""
    with jax.enable_x64(True), jax.default_matmul_precision(PRECISION):
        objective, setting = complete_inputs(objective, batch, params, state, seed)
        result = gather(
            from_network.problem_of(objective, objective, setting, train=train, dtype=dtype)
        )
    apart = {
        path: float(np.abs(leaf.claimed - leaf.reference).max(initial=0))
        for path, leaf in result.items()
    }
    return [
        Leaf(path, apart[path], leaf.noise_floor, apart[path] <= leaf.detection_limit)
        for path, leaf in result.items()
    ]
