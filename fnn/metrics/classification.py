"""Metrics of classes and of yes/no labels. N rows, C classes, K labels."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp

from fnn.losses import Loss
from fnn.metrics.auc import auc
from fnn.metrics.calibration import calibration_metric
from fnn.metrics.predictions import Predictions, class_labels, predicted, predictions
from fnn.metrics.registry import CALIBRATION, top_of


def classification_metrics(
    names: Iterable[str],
    loss: Loss,
    output: jax.Array,
    target: jax.Array,
    weight: jax.Array | None,
) -> dict[str, jax.Array]:
    """The metrics of these names for outputs (N, C) or (N, K), and weights (N,)."""
    exclusive = loss.task == "classes"
    metrics: dict[str, jax.Array] = {}
    for name in names:
        k = top_of(name)
        if k is not None:
            correct = in_top(k, output, class_labels(output, target))
            metrics[name] = fraction(correct[:, None], weight, output)
        elif name == "accuracy" and exclusive:
            correct = predicted(loss, output) == class_labels(output, target)
            metrics[name] = fraction(correct[:, None], weight, output)
        elif name == "accuracy":
            columns = predictions(loss, output, target)
            metrics[name] = fraction(columns.truth == columns.predicted, weight, output)
        elif name == "auc":
            metrics[name] = auc(predictions(loss, output, target), weight)
        elif name in CALIBRATION:
            metrics[name] = calibration_metric(name, loss, output, target, weight)
        elif name not in metrics:
            metrics |= f_scores(predictions(loss, output, target), weight, exclusive=exclusive)
    return metrics


def fraction(correct: jax.Array, weight: jax.Array | None, reference: jax.Array) -> jax.Array:
    """The weighted fraction of correct entries (N, K), in the dtype of `reference`."""
    total = jnp.asarray(correct.shape[0], reference.dtype) if weight is None else weight.sum()
    return (count_true(correct, weight, reference) / total).mean()


def in_top(k: int, scores: jax.Array, labels: jax.Array) -> jax.Array:
    """Whether the label is among the k best of its scores (N, C).

    Of equal scores the first class comes first, so that k = 1 is the accuracy; scikit-learn takes
    the last. NaN is never among the best.
    """
    classes = jnp.arange(scores.shape[-1], dtype=labels.dtype)[None]
    labels = labels[:, None]
    own = classes == labels
    own_score = jnp.where(own, scores, 0).sum(-1, keepdims=True)
    ranked_ahead = ~(scores <= own_score) | ((scores == own_score) & (classes < labels))
    return own.any(-1) & (ranked_ahead.sum(-1) < k)


def f_scores(
    columns: Predictions, weight: jax.Array | None, *, exclusive: bool
) -> dict[str, jax.Array]:
    """Precision, recall and F1, each the mean over the columns; 0 where the denominator is 0.

    `exclusive` columns are classes of which a row has one: as in scikit-learn, those that neither
    occur nor are predicted are then left out of the mean.
    """
    reference = columns.scores
    correct = count_true(columns.truth & columns.predicted, weight, reference)
    true = count_true(columns.truth, weight, reference)
    positive = count_true(columns.predicted, weight, reference)
    relevant = (true + positive > 0) | (not exclusive)

    def mean(numerator: jax.Array, denominator: jax.Array) -> jax.Array:
        defined = denominator > 0
        ratios = jnp.where(defined, numerator / jnp.where(defined, denominator, 1), 0)
        return ratios.sum() / jnp.maximum(relevant.sum(), 1).astype(reference.dtype)

    return {
        "precision": mean(correct, positive),
        "recall": mean(correct, true),
        "f1": mean(2 * correct, true + positive),
    }


def count_true(flags: jax.Array, weight: jax.Array | None, reference: jax.Array) -> jax.Array:
    """How many of each column (N, K) are true, or the total weight of these rows.

    Rows are counted in integers, exact up to 2³¹ of them; float32 would stop counting at 2²⁴.
    """
    if weight is None:
        return flags.sum(0, dtype=jnp.int32).astype(reference.dtype)
    return jnp.where(flags, weight[:, None], 0).sum(0)
