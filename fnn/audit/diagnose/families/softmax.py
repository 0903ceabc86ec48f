"""Softmax: dx = y (dy − Σ dy y), whose sum couples the elements of a row."""

from __future__ import annotations

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.terms import combines
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import Layer


@diagnoses(Layer)
def inner_sum(leaf: WrongLeaf) -> Diagnosis | None:
    """The sum Σ dy y is missing, or taken over another axis."""
    y, dy = leaf.array("y"), leaf.array("dy")
    if y is None or dy is None or y.shape != leaf.expected.shape or dy.shape != y.shape:
        return None
    if leaf.same(leaf.claimed, y * (1 - y) * dy):
        return Diagnosis(Mistake.JACOBIAN_DIAGONAL)
    if leaf.same(leaf.claimed, y * (dy - (dy * y).sum(0))):
        return Diagnosis(Mistake.WRONG_AXIS, tensor="the sum Σ dy y", role="the batch")
    if leaf.same(leaf.claimed, y * dy):
        term = "− y Σ dy y, the sum over the other outputs"
        return Diagnosis(Mistake.TERM_MISSING, tensor=term)
    if combines(leaf.error, [y], (y.ndim - 1,)):
        return Diagnosis(Mistake.INNER_SUM)
    return None
