"""The area under the ROC curve."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.metrics.predictions import Predictions


def auc(columns: Predictions, weight: jax.Array | None) -> jax.Array:
    """The mean area over the columns (N, K); NaN where one has only yes or only no, or a NaN score.

    The chance that a positive row scores above a negative one, ties counting half, which is the
    trapezoid under the curve (Hanley & McNeil 1982).
    """
    areas = jax.vmap(_area, (1, 1, None))(columns.scores, columns.truth, weight)
    return areas.mean()


def _area(scores: jax.Array, truth: jax.Array, weight: jax.Array | None) -> jax.Array:
    """Each positive row's share of negatives that it beats, averaged: sums of N² would be inexact.

    Without weights the rows are counted in integers.
    """
    row_weights = jnp.ones(scores.shape, jnp.int32) if weight is None else weight
    positive, negative = jnp.where(truth, row_weights, 0), jnp.where(truth, 0, row_weights)
    order = scores.argsort()
    ascending = scores[order]
    cumulative = jnp.pad(negative[order].cumsum(dtype=row_weights.dtype), (1, 0))
    below = cumulative[jnp.searchsorted(ascending, scores, side="left")]
    not_above = cumulative[jnp.searchsorted(ascending, scores, side="right")]
    negatives_beaten = (below + not_above).astype(scores.dtype) / 2
    fraction_beaten = negatives_beaten / cumulative[-1].astype(scores.dtype)
    positive = positive.astype(scores.dtype)
    area = (fraction_beaten * positive).sum() / positive.sum()
    return jnp.where(jnp.isnan(scores).any(), jnp.nan, area)
