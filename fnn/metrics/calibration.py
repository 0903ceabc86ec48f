"""Calibration of probabilities. N rows, C classes, B bins."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn.losses import Loss
from fnn.losses.loss import class_probabilities, paired
from fnn.metrics.predictions import class_labels
from fnn.shapes import wide

BINS = 15
"""of equal width, as in Guo et al. 2017"""


class Reliability(NamedTuple):
    """Rows by their confidence, in bins of equal width; bin b holds those in (b / B, (b + 1) / B].

    `rows` is how many there are (or their total weight), `confidence` the mean probability of the
    predicted class, `accuracy` the share in which that class is right; both NaN in empty bins.
    """

    rows: jax.Array
    confidence: jax.Array
    accuracy: jax.Array


def reliability(
    probabilities: jax.Array,
    target: jax.Array,
    bins: int = BINS,
    *,
    weight: jax.Array | None = None,
) -> Reliability:
    """The bins of a reliability diagram, (B,) each (DeGroot & Fienberg 1983).

    `probabilities` are those of each class (N, C), or of class 1 out of 0 and 1 (N,); `target` are
    class numbers (N,). Of equal probabilities the first class is the predicted one. `bins` is
    static under `jit`. Raises `ShapeError` for shapes that do not fit.
    """
    rows, confidence, correct = _bin_totals(probabilities, target, bins, weight)
    return Reliability(rows, confidence / rows, correct / rows)


def _bin_totals(
    probabilities: jax.Array, target: jax.Array, bins: int, weight: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Of each bin the rows, and the sums of their confidence and of how many are right."""
    p = _columns(probabilities)
    target_probabilities = class_probabilities(p, target)
    confidence = p.max(-1)
    correct = jnp.take_along_axis(target_probabilities, p.argmax(-1)[:, None], -1)[:, 0]
    bin_index = jnp.clip(jnp.ceil(confidence * bins) - 1, 0, bins - 1).astype(jnp.int32)
    in_bin = bin_index[:, None] == jnp.arange(bins, dtype=jnp.int32)[None]
    row_weights = jnp.ones_like(confidence) if weight is None else weight.astype(p.dtype)

    def total(values: jax.Array) -> jax.Array:
        return jnp.where(in_bin, (values * row_weights)[:, None], 0).sum(0)

    return total(jnp.ones_like(confidence)), total(confidence), total(correct)


def ece(
    probabilities: jax.Array,
    target: jax.Array,
    bins: int = BINS,
    *,
    weight: jax.Array | None = None,
) -> jax.Array:
    """Σ rows of bin b · |accuracy of b − confidence of b| / N: the expected calibration error.

    Naeini et al. 2015; Guo et al. 2017 (arXiv:1706.04599), § 2. Arguments and errors as in
    `reliability`. A bin's errors cancel, so it falls with fewer bins, and grows with fewer rows.
    """
    rows, confidence, correct = _bin_totals(probabilities, target, bins, weight)
    return jnp.abs(correct - confidence).sum() / rows.sum()


def brier(
    probabilities: jax.Array, target: jax.Array, *, weight: jax.Array | None = None
) -> jax.Array:
    """The mean over rows of Σ (p_c − y_c)², y being 1 for a row's class and 0 else (Brier 1950).

    From 0 to 2. Of two classes it is half that, (p₁ − y₁)², from 0 to 1, as in scikit-learn.
    Arguments and errors as in `reliability`.
    """
    p = _columns(probabilities)
    scores = jnp.square(p - class_probabilities(p, target)).sum(-1)
    return _mean(scores / 2 if p.shape[-1] == 2 else scores, weight)


def nll(
    probabilities: jax.Array, target: jax.Array, *, weight: jax.Array | None = None
) -> jax.Array:
    """The mean over the rows of −log p of a row's class, in nats: the negative log-likelihood.

    A probability below the smallest normal number (1.2e-38 in float32) counts as that, so that a
    row costs at most 87.3 (in float64 708.4); scikit-learn's floor is the dtype's epsilon.
    Arguments and errors as in `reliability`.
    """
    return _nll(_logs(_columns(probabilities)), target, weight)


def calibration_metric(
    name: str, loss: Loss, output: jax.Array, target: jax.Array, weight: jax.Array | None
) -> jax.Array:
    """The metric of that name of outputs (N, C) or K yes/no labels (N, K), which are N · K rows.

    The likelihood of logits is taken from them directly, so it needs no floor.
    """
    if loss.task == "classes":
        labels = class_labels(output, target)
    else:
        labels = (paired(output, target) > 0.5).ravel().astype(int)
        weight = None if weight is None else jnp.repeat(weight, output.shape[-1])
    logs = log_probabilities(loss, output)
    if name == "nll":
        return _nll(logs, labels, weight)
    return (ece if name == "ece" else brier)(jnp.exp(logs), labels, weight=weight)


def log_probabilities(loss: Loss, output: jax.Array) -> jax.Array:
    """The logarithm of each class's probability (N, C); of K yes/no labels (N · K, 2)."""
    if loss.task == "classes":
        return _logs(output) if loss.takes_probabilities else jax.nn.log_softmax(output)
    if loss.takes_probabilities:
        both = _logs(1 - output), _logs(output)
    else:
        both = jax.nn.log_sigmoid(-output), jax.nn.log_sigmoid(output)
    return jnp.stack(both, -1).reshape(-1, 2)


def _nll(logs: jax.Array, target: jax.Array, weight: jax.Array | None) -> jax.Array:
    p = class_probabilities(logs, target)
    return _mean(-jnp.where(p == 0, 0, p * logs).sum(-1), weight)


def _logs(p: jax.Array) -> jax.Array:
    return jnp.log(jnp.maximum(p, jnp.finfo(p.dtype).tiny))


def _columns(probabilities: jax.Array) -> jax.Array:
    """A column a class, float32 or wider."""
    p = jnp.asarray(probabilities)
    p = p.astype(wide(p.dtype))
    return jnp.stack([1 - p, p], -1) if p.ndim == 1 else p


def _mean(values: jax.Array, weight: jax.Array | None) -> jax.Array:
    if weight is None:
        return values.mean()
    weight = weight.astype(values.dtype)
    return (values * weight).sum() / weight.sum()
