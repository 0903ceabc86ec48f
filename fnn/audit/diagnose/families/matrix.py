"""Products with a weight matrix: another arrangement, another tensor."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.problem.problem import Array
from fnn.layer import Layer


@diagnoses(Layer)
def matrices(leaf: WrongLeaf) -> Diagnosis | None:
    """Products of the layer's matrices in another arrangement."""
    x, dy = leaf.array("x"), leaf.array("dy")
    weight = leaf.params.get("weight")
    if dy is None or x is None or weight is None or weight.ndim != 2:
        return None
    if leaf.leaf == "input":
        return _input_gradient(leaf, x, dy, weight)
    if leaf.leaf == "weight":
        return _weight_gradient(leaf, x, dy, weight)
    return None


def _input_gradient(leaf: WrongLeaf, x: Array, dy: Array, weight: Array) -> Diagnosis | None:
    if dy.shape[-1] == weight.shape[0] and leaf.same(leaf.claimed, dy @ weight):
        return Diagnosis(Mistake.WEIGHT_NOT_TRANSPOSED)
    for name, other in (("its input", x), ("its output", leaf.array("y"))):
        if (
            other is not None
            and other.shape == dy.shape
            and leaf.same(leaf.claimed, other @ weight.T)
        ):
            return Diagnosis(Mistake.WRONG_TENSOR, tensor=name, role="the cotangent")
    bias = leaf.params.get("bias")
    if bias is not None and leaf.same(leaf.claimed, (dy + bias) @ weight.T):
        return Diagnosis(Mistake.TERM_ADDED, tensor="the bias", role="the cotangent")
    step = leaf.others.get("weight")
    if step is not None and leaf.multiple(leaf.error, dy @ step.T):
        return Diagnosis(Mistake.PARAMETER_UPDATED, tensor="weight")
    return None


def _weight_gradient(leaf: WrongLeaf, x: Array, dy: Array, weight: Array) -> Diagnosis | None:
    flat = dy.reshape(-1, dy.shape[-1])
    for name, other in (("its own output", leaf.array("y")), ("the cotangent", dy)):
        if other is None or other.shape[-1] != weight.shape[0]:
            continue
        if leaf.same(leaf.claimed, other.reshape(-1, other.shape[-1]).T @ flat):
            return Diagnosis(Mistake.WRONG_TENSOR, tensor=name, role="the layer's input")
    for step in (1, -1):
        rolled = np.roll(x, step, 0).reshape(-1, x.shape[-1])
        if leaf.same(leaf.claimed, rolled.T @ flat):
            return Diagnosis(Mistake.ROWS_MISALIGNED)
    return None
