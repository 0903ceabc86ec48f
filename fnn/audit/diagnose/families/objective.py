"""The mean over the batch: weights of the examples."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.objective import Objective


@diagnoses(Objective)
def weights(leaf: WrongLeaf) -> Diagnosis | None:
    """The examples' weights left out, or applied twice."""
    if leaf.weight is None or leaf.expected.shape[: leaf.weight.ndim] != leaf.weight.shape:
        return None
    missing = tuple(range(leaf.weight.ndim, leaf.expected.ndim))
    weight = np.expand_dims(leaf.weight, missing)
    if leaf.multiple(leaf.claimed * weight, leaf.expected):
        return Diagnosis(Mistake.WEIGHTS_LEFT_OUT)
    if leaf.multiple(leaf.claimed, leaf.expected * weight):
        return Diagnosis(Mistake.WEIGHTS_TWICE)
    return None
