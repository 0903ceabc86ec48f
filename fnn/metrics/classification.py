"""Metrics of classes and of yes/no answers. N rows, C classes, K questions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from fnn.losses import Loss
from fnn.metrics.auc import auc
from fnn.metrics.calibration import of_probabilities
from fnn.metrics.predictions import Predictions, labels, predicted, predictions
from fnn.metrics.registry import CALIBRATION, top_of


def of_classes(
    names: Iterable[str],
    loss: Loss,
    output: jax.Array,
    target: jax.Array,
    weight: jax.Array | None,
) -> dict[str, jax.Array]:
    """The metrics of that name for outputs (N, C) or (N, L), and weights (N,)."""
    exclusive = loss.task == "classes"
    found: dict[str, jax.Array] = {}
    for name in names:
        k = top_of(name)
        if k is not None:
            found[name] = share(in_top(k, output, labels(output, target))[:, None], weight, output)
        elif name == "accuracy" and exclusive:
            right = predicted(loss, output) == labels(output, target)
            found[name] = share(right[:, None], weight, output)
        elif name == "accuracy":
            asked = predictions(loss, output, target)
            found[name] = share(asked.truth == asked.predicted, weight, output)
        elif name == "auc":
            found[name] = auc(predictions(loss, output, target), weight)
        elif name in CALIBRATION:
            found[name] = of_probabilities(name, loss, output, target, weight)
        elif name not in found:
            found |= f_scores(predictions(loss, output, target), weight, exclusive=exclusive)
    return found


def share(right: jax.Array, weight: jax.Array | None, like: jax.Array) -> jax.Array:
    """The share of what is right (N, K), in the dtype of `like`."""
    total = jnp.asarray(right.shape[0], like.dtype) if weight is None else weight.sum()
    return (counted(right, weight, like) / total).mean()


def in_top(k: int, scores: jax.Array, labels: jax.Array) -> jax.Array:
    """Whether the label is among the k best of its scores (N, C).

    Of equal scores the first class comes first, so that k = 1 is the accuracy; scikit-learn takes
    the last. NaN is never among the best.
    """
    classes = jnp.arange(scores.shape[-1], dtype=labels.dtype)[None]
    labels = labels[:, None]
    own = jnp.where(classes == labels, scores, -jnp.inf).max(-1, keepdims=True)
    ahead = ~(scores <= own) | ((scores == own) & (classes < labels))
    return ahead.sum(-1) < k


def f_scores(
    answers: Predictions, weight: jax.Array | None, *, exclusive: bool
) -> dict[str, jax.Array]:
    """Precision, recall and F1, each the mean over the columns; 0 where the denominator is 0.

    `exclusive` columns are classes of which a row has one: as in scikit-learn, those that neither
    occur nor are predicted are then left out of the mean.
    """
    like = answers.scores
    right = counted(answers.truth & answers.predicted, weight, like)
    true = counted(answers.truth, weight, like)
    chosen = counted(answers.predicted, weight, like)
    there = (true + chosen > 0) | (not exclusive)

    def mean(above: jax.Array, below: jax.Array) -> jax.Array:
        each = jnp.where(below > 0, above / jnp.where(below > 0, below, 1), 0)
        return each.sum() / jnp.maximum(there.sum(), 1).astype(like.dtype)

    return {
        "precision": mean(right, chosen),
        "recall": mean(right, true),
        "f1": mean(2 * right, true + chosen),
    }


def counted(flags: jax.Array, weight: jax.Array | None, like: Any) -> jax.Array:
    """How many of each column (N, K) are true, or what these rows weigh.

    Rows are counted in integers, exact up to 2³¹ of them; float32 would stop counting at 2²⁴.
    """
    if weight is None:
        return flags.sum(0, dtype=jnp.int32).astype(like.dtype)
    return jnp.where(flags, weight[:, None], 0).sum(0)
