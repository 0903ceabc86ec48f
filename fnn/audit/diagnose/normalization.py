"""BatchNorm and LayerNorm: which of the three terms of dx is wrong, and over which axis."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.context import Context, shown
from fnn.audit.problem.problem import Array
from fnn.layers import BatchNorm, LayerNorm
from fnn.shapes import align

TERMS = ("the direct term, g", "the mean, mean(g)", "the part along x̂, x̂ mean(g x̂)")


def terms(case: Context) -> str | None:
    """dx = (a g − b mean(g) − c x̂ mean(g x̂)) / √(σ² + ε) with a, b, c other than 1."""
    x, dy, scale = case.array("x"), case.array("dy"), case.params.get("scale")
    if not isinstance(case.layer, BatchNorm | LayerNorm) or x is None or dy is None:
        return None
    if scale is None or case.own.shape != x.shape or case.leaf != "input":
        return _parameter(case, x, dy)
    beside = np.asarray(align(scale, x))  # type: ignore[arg-type]
    own_axes, others = _axes(case.layer, x.ndim)
    x_hat, inverse = _standardized(x, own_axes, float(case.layer.epsilon))
    for axes in (own_axes, *others):
        found = _fitted(case, dy * beside, 1.0, (x_hat, inverse), axes)
        if found is not None:
            return _told(found, axes == own_axes, own_axes, x)
        if _fitted(case, dy, beside, (x_hat, inverse), axes) is not None:
            return "the scale stands outside of the means: it belongs to g inside them"
    for words, standard in (
        ("as if epsilon were 0: it is forgotten", _standardized(x, own_axes, 0.0)),
        ("1 / (σ² + ε) for 1 / √(σ² + ε): the variance for the deviation", (x_hat, inverse**2)),
    ):
        if _fitted(case, dy * beside, 1.0, standard, own_axes) is not None:
            return words
    variance = case.state.get("variance")
    if variance is not None:
        running = np.asarray(align(variance, x))  # type: ignore[arg-type]
        constant = dy * beside / np.sqrt(running + float(case.layer.epsilon))
        if case.same(case.own, constant):
            return "the running statistics stand for the batch's, and are taken as constants"
    return None


def _parameter(case: Context, x: Array, dy: Array) -> str | None:
    batch = tuple(range(x.ndim - case.right.ndim))
    if case.leaf == "scale":
        if case.same(case.own, (dy * x).sum(batch)):
            return "the raw input stands in the place of x̂: the wrong tensor"
        if case.same(case.own, dy.sum(batch)):
            return "the factor x̂ is left out"
    return None


def _standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array]:
    """x̂ and 1 / √(σ² + ε)."""
    centered = x - x.mean(axes, keepdims=True)
    inverse = 1 / np.sqrt(np.square(centered).mean(axes, keepdims=True) + epsilon)
    return centered * inverse, inverse


def _fitted(
    case: Context,
    g: Array,
    factor: Array | float,
    standard: tuple[Array, Array],
    axes: tuple[int, ...],
) -> Array | None:
    """The coefficients of the three terms that give what was given, if any do."""
    x_hat, inverse = standard
    if not np.isfinite(inverse).all():
        return None
    second = np.broadcast_to(g.mean(axes, keepdims=True), g.shape)
    third = x_hat * (g * x_hat).mean(axes, keepdims=True)
    basis = np.stack([(factor * inverse * part).ravel() for part in (g, -second, -third)], 1)
    if np.linalg.matrix_rank(basis) < 3 or basis.shape[0] <= 3:
        return None
    found = np.linalg.lstsq(basis, case.own.ravel(), rcond=None)[0]
    return found if case.same((basis @ found).reshape(g.shape), case.own) else None


def _axes(layer: object, ndim: int) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The axes of the statistics, and others that may be taken for them."""
    batch, features = tuple(range(ndim - 1)), (ndim - 1,)
    own = batch if isinstance(layer, BatchNorm) else tuple(range(ndim - layer.ndim, ndim))  # type: ignore[attr-defined]
    every = [batch, features, (0,), tuple(range(1, ndim)), tuple(range(ndim))]
    return own, [axes for axes in dict.fromkeys(every) if axes and axes != own]


def _told(found: Array, own: bool, axes: tuple[int, ...], x: Array) -> str:
    """What the coefficients mean."""
    if not own:
        return "the means are taken over the wrong axis"
    wrong = [name for name, c in zip(TERMS, found, strict=True) if abs(c - 1) > 1e-6]
    gone = [name for name, c in zip(TERMS, found, strict=True) if abs(c) < 1e-6]
    if gone == [TERMS[1], TERMS[2]]:
        return "terms are missing, both means: the statistics are taken as constants"
    if gone:
        return f"a term is missing: {', '.join(gone)}"
    count = int(np.prod([x.shape[axis] for axis in axes]))
    c = float(found[2])
    if wrong == [TERMS[2]] and count > 1 and abs(c - count / (count - 1)) < 1e-6:
        return f"{TERMS[2]} is × n / (n − 1): the unbiased for the biased variance"
    if wrong == [TERMS[2]] and abs(c + 1) < 1e-6:
        return f"{TERMS[2]} has the wrong sign"
    told = ", ".join(f"× {shown(c)}" for c in found)
    return f"the three terms (direct, mean, along x̂) are {told}"
