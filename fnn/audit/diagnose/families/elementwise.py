"""Elementwise functions and masks: a derivative that is taken elsewhere, twice, or not at all."""

from __future__ import annotations

import jax
import numpy as np

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.terms import LEVELS
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.problem.problem import Array
from fnn.layer import Layer
from fnn.layers import Activation

SAME = 1e-9
"""relative distance at which slopes count as equal"""


@diagnoses(Activation)
def activation(leaf: WrongLeaf) -> Diagnosis | None:
    """The derivative of the layer's own function."""
    tensors = _tensors(leaf)
    if tensors is None or not isinstance(leaf.layer, Activation):
        return None
    x, dy = tensors
    return (
        _passed_on(leaf, dy, "slope")
        or _squared(leaf, dy)
        or _taken_elsewhere(leaf, leaf.layer, x, dy)
        or _mask(leaf, dy)
        or _wrong_slope(leaf, leaf.layer, x, dy)
    )


@diagnoses(Layer)
def elementwise(leaf: WrongLeaf) -> Diagnosis | None:
    """A derivative or a mask of any layer without parameters that keeps the shape."""
    tensors = _tensors(leaf)
    if tensors is None or isinstance(leaf.layer, Activation):
        return None
    _, dy = tensors
    return _passed_on(leaf, dy, "mask or factor") or _squared(leaf, dy) or _mask(leaf, dy)


def _tensors(leaf: WrongLeaf) -> tuple[Array, Array] | None:
    """Input and cotangent, where the gradient of the input has their shape."""
    x, dy = leaf.array("x"), leaf.array("dy")
    if x is None or dy is None or x.shape != leaf.expected.shape or dy.shape != x.shape:
        return None
    return None if leaf.leaf != "input" or leaf.params else (x, dy)


def _passed_on(leaf: WrongLeaf, dy: Array, factor: str) -> Diagnosis | None:
    if leaf.same(leaf.claimed, dy):
        return Diagnosis(Mistake.LEFT_OUT, tensor=factor, role="cotangent")
    return None


def _squared(leaf: WrongLeaf, dy: Array) -> Diagnosis | None:
    with np.errstate(all="ignore"):
        claimed = np.nan_to_num(leaf.claimed / dy)
        squared = np.nan_to_num(leaf.expected / dy) ** 2  # of the largest number: infinite
    if leaf.same(claimed, squared):
        return Diagnosis(Mistake.SLOPE_TWICE)
    return None


def _taken_elsewhere(leaf: WrongLeaf, layer: Activation, x: Array, dy: Array) -> Diagnosis | None:
    y = leaf.array("y")
    if y is None:
        return None
    for name, point in (
        ("the activation instead of the pre-activation", y),
        ("the cotangent", dy),
    ):
        _, pull = jax.vjp(lambda x: layer.apply({}, {}, x)[0], point)
        if leaf.same(leaf.claimed, np.asarray(pull(dy)[0])):
            return Diagnosis(Mistake.SLOPE_ELSEWHERE, tensor=name)
    with np.errstate(all="ignore"):
        claimed = np.nan_to_num(leaf.claimed / dy)
    for name, tensor in (("x", x), ("y", y)):
        if leaf.same(claimed, tensor):
            return Diagnosis(Mistake.SLOPE_IS_TENSOR, tensor=name)
    return None


def _slopes(leaf: WrongLeaf, dy: Array) -> tuple[np.ndarray, Array, Array]:
    """Where the cotangent is large enough to divide by it, and the two slopes there."""
    present = np.abs(dy) > SAME * np.abs(dy).max()
    return present, leaf.claimed[present] / dy[present], leaf.expected[present] / dy[present]


def _mask(leaf: WrongLeaf, dy: Array) -> Diagnosis | None:
    """Slopes of a few values: 0 and 1, 0 and 1 / keep."""
    _, claimed, expected = _slopes(leaf, dy)
    claimed, expected = np.round(claimed, 9), np.round(expected, 9)
    levels = np.unique(expected)
    if len(levels) > LEVELS or len(np.unique(claimed)) > LEVELS:
        return None
    off = claimed != expected
    count, total = int(off.sum()), off.size
    if np.isin(claimed, levels).all():
        return Diagnosis(Mistake.MASK_MISPLACED, count=count, total=total)
    values = tuple(float(value) for value in np.unique(claimed[off])[:LEVELS])
    return Diagnosis(Mistake.MASK_VALUES, count=count, total=total, values=values)


def _wrong_slope(leaf: WrongLeaf, layer: Activation, x: Array, dy: Array) -> Diagnosis:
    present, claimed, expected = _slopes(leaf, dy)
    off = np.abs(claimed - expected) > SAME * max(np.abs(expected).max(), 1e-300)
    inputs = x[present][off]
    side = "x < 0" if (inputs < 0).all() else "x > 0" if (inputs > 0).all() else ""
    return Diagnosis(
        Mistake.SLOPE_WRONG,
        leaf.multiple(claimed[off], expected[off]),
        tensor=type(layer.function).__name__,
        role=side,
    )
