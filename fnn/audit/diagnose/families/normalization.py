"""BatchNorm and LayerNorm: which of the three terms of dx is wrong, and over which axis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.problem.problem import Array
from fnn.layers import BatchNorm, LayerNorm

TERMS = ("the direct term, g", "the mean, mean(g)", "the part along x̂, x̂ mean(g x̂)")
NEAR = 1e-6
"""distance at which a coefficient counts as a number that is known"""
Axes = tuple[int, ...]


class Standard(NamedTuple):
    """x̂ and what x − μ is multiplied by to give it."""

    x_hat: Array
    inverse: Array


@diagnoses(BatchNorm, LayerNorm)
def terms(leaf: WrongLeaf) -> Diagnosis | None:
    """dx = (a g − b mean(g) − c x̂ mean(g x̂)) / √(σ² + ε) with a, b, c other than 1."""
    x, dy, scale = leaf.array("x"), leaf.array("dy"), leaf.params.get("scale")
    if not isinstance(leaf.layer, BatchNorm | LayerNorm) or x is None or dy is None:
        return None
    if scale is None or leaf.claimed.shape != x.shape or leaf.leaf != "input":
        return _parameter(leaf, x, dy)
    scale = _aligned(scale, x)
    own, others = _axes(leaf.layer, x.ndim)
    epsilon = float(leaf.layer.epsilon)
    standard = _standardized(x, own, epsilon)
    for axes in (own, *others):
        coefficients = _fitted(leaf, dy * scale, 1.0, standard, axes)
        if coefficients is not None:
            return _coefficients(coefficients, own, x) if axes == own else _wrong_axis()
        if _fitted(leaf, dy, scale, standard, axes) is not None:
            return Diagnosis(Mistake.SCALE_OUTSIDE)
    if _fitted(leaf, dy * scale, 1.0, _standardized(x, own, 0.0), own) is not None:
        return Diagnosis(Mistake.NUMBER_FORGOTTEN, tensor="epsilon", value=0.0)
    squared = Standard(standard.x_hat, standard.inverse**2)
    if _fitted(leaf, dy * scale, 1.0, squared, own) is not None:
        return Diagnosis(Mistake.VARIANCE_FOR_DEVIATION)
    variance = leaf.state.get("variance")
    if variance is not None:
        constant = dy * scale / np.sqrt(_aligned(variance, x) + epsilon)
        if leaf.same(leaf.claimed, constant):
            return Diagnosis(Mistake.RUNNING_STATISTICS)
    return None


def _parameter(leaf: WrongLeaf, x: Array, dy: Array) -> Diagnosis | None:
    batch = tuple(range(x.ndim - leaf.expected.ndim))
    if leaf.leaf == "scale":
        if leaf.same(leaf.claimed, (dy * x).sum(batch)):
            return Diagnosis(Mistake.WRONG_TENSOR, tensor="the raw input", role="x̂")
        if leaf.same(leaf.claimed, dy.sum(batch)):
            return Diagnosis(Mistake.LEFT_OUT, tensor="factor x̂")
    return None


def _aligned(parameter: Array, x: Array) -> Array:
    """A parameter of the last axes in the rank of x."""
    return parameter.reshape((1,) * (x.ndim - parameter.ndim) + parameter.shape)


def _standardized(x: Array, axes: Axes, epsilon: float) -> Standard:
    centered = x - x.mean(axes, keepdims=True)
    inverse = 1 / np.sqrt(np.square(centered).mean(axes, keepdims=True) + epsilon)
    return Standard(centered * inverse, inverse)


def _fitted(
    leaf: WrongLeaf, g: Array, factor: Array | float, standard: Standard, axes: Axes
) -> Array | None:
    """The coefficients of the three terms that give the claimed gradient, if any do."""
    x_hat, inverse = standard
    if not np.isfinite(inverse).all():
        return None
    second = np.broadcast_to(g.mean(axes, keepdims=True), g.shape)
    third = x_hat * (g * x_hat).mean(axes, keepdims=True)
    basis = np.stack([(factor * inverse * part).ravel() for part in (g, -second, -third)], 1)
    if np.linalg.matrix_rank(basis) < 3 or basis.shape[0] <= 3:
        return None
    coefficients: Array = np.linalg.lstsq(basis, leaf.claimed.ravel(), rcond=None)[0]
    return (
        coefficients if leaf.same((basis @ coefficients).reshape(g.shape), leaf.claimed) else None
    )


def _axes(layer: BatchNorm | LayerNorm, ndim: int) -> tuple[Axes, list[Axes]]:
    """The axes of the statistics, and others that may be taken for them."""
    batch, features = tuple(range(ndim - 1)), (ndim - 1,)
    own = batch if isinstance(layer, BatchNorm) else tuple(range(ndim - layer.ndim, ndim))
    every = [batch, features, (0,), tuple(range(1, ndim)), tuple(range(ndim))]
    return own, [axes for axes in dict.fromkeys(every) if axes and axes != own]


def _wrong_axis() -> Diagnosis:
    return Diagnosis(Mistake.WRONG_AXIS, tensor="the means")


def _coefficients(coefficients: Array, axes: Axes, x: Array) -> Diagnosis:
    """What the three coefficients mean."""
    off = [name for name, c in zip(TERMS, coefficients, strict=True) if abs(c - 1) > NEAR]
    missing = [name for name, c in zip(TERMS, coefficients, strict=True) if abs(c) < NEAR]
    if missing == [TERMS[1], TERMS[2]]:
        return Diagnosis(Mistake.CONSTANT_STATISTICS)
    if missing:
        return Diagnosis(Mistake.TERM_MISSING, tensor=", ".join(missing))
    count = int(np.prod([x.shape[axis] for axis in axes]))
    c = float(coefficients[2])
    if off == [TERMS[2]] and count > 1 and abs(c - count / (count - 1)) < NEAR:
        return Diagnosis(Mistake.UNBIASED_VARIANCE, c, tensor=TERMS[2])
    if off == [TERMS[2]] and abs(c + 1) < NEAR:
        return Diagnosis(Mistake.TERM_SIGN, c, tensor=TERMS[2])
    return Diagnosis(Mistake.TERM_FACTORS, values=tuple(float(c) for c in coefficients))
