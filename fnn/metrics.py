"""Numbers that say how good a network is."""

from __future__ import annotations

from typing import NamedTuple

import jax

from fnn.layer import Tree
from fnn.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Loss,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
)
from fnn.losses.loss import paired
from fnn.objective import Batch, Objective


class Metrics(NamedTuple):
    """The mean loss (without penalties) over some rows, and the share of right answers."""

    loss: jax.Array
    accuracy: jax.Array | None


def evaluate(objective: Objective, params: Tree, state: Tree, rows: Batch) -> Metrics:
    """Metrics over all rows at once, in evaluation mode. Regression has no accuracy (None)."""
    _, aux = objective.value(params, state, rows, train=False)
    return Metrics(aux.loss, accuracy(objective.loss, aux.output, rows.target))


def accuracy(loss: Loss, output: jax.Array, target: jax.Array) -> jax.Array | None:
    """The share of right answers; None for regression.

    Right is the class with the largest score, or for each yes/no answer the side of the threshold
    (logit 0, probability ½) on which it falls.
    """
    if isinstance(loss, (CrossEntropy, ProbabilityCrossEntropy)):
        if target.shape == output.shape:
            target = target.argmax(-1)
        return (output.argmax(-1) == target.astype(int)).mean(dtype=output.dtype)
    if isinstance(loss, (BinaryCrossEntropy, ProbabilityBinaryCrossEntropy)):
        threshold = 0.0 if isinstance(loss, BinaryCrossEntropy) else 0.5
        right = (output > threshold) == (paired(output, target) > 0.5)
        return right.mean(dtype=output.dtype)
    return None
