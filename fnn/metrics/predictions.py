"""Predictions from outputs: classes, yes or no, and their scores."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn.losses import Loss
from fnn.losses.loss import paired
from fnn.spec import SpecError


class Predictions(NamedTuple):
    """Yes/no labels, one a column (N, K): whether a row is of class k, or label k is a yes."""

    truth: jax.Array
    predicted: jax.Array
    scores: jax.Array


def predicted(loss: Loss, output: jax.Array) -> jax.Array:
    """The class numbers (…) that an output (…, C) stands for; of yes/no labels (…, K), 0s and 1s.

    One yes/no label, (…, 1), is one class number out of 0 and 1: (…). Of equal scores the first
    class wins. A yes is a logit above 0 or a probability above ½. Raises `SpecError` for a loss
    that has no classes.
    """
    if loss.task == "classes":
        return output.argmax(-1)
    if loss.task != "binary":
        raise SpecError(f"{type(loss).__name__} has no classes", "loss")
    yes = _positive(loss, output).astype(int)
    return yes[..., 0] if output.shape[-1] == 1 else yes


def as_logits(loss: Loss, output: np.ndarray) -> np.ndarray:
    """An output as logits: of a loss on probabilities their logarithms or log-odds, in NumPy.

    A probability of 0 or 1 counts as the nearest that is neither.
    """
    if not loss.takes_probabilities:
        return output
    limits = np.finfo(output.dtype)
    probabilities = np.clip(output, limits.tiny, 1 - limits.epsneg)
    if loss.task == "classes":
        return np.log(probabilities)
    return np.log(probabilities) - np.log1p(-probabilities)


def class_labels(output: jax.Array, target: jax.Array) -> jax.Array:
    """Class numbers, from class numbers or from rows of probabilities in the output's shape."""
    return (target.argmax(-1) if target.shape == output.shape else target).astype(int)


def predictions(loss: Loss, output: jax.Array, target: jax.Array) -> Predictions:
    """One column a class; of two classes only the second, which counts as the positive one."""
    if loss.task == "binary":
        return Predictions(paired(output, target) > 0.5, _positive(loss, output), output)
    count = output.shape[-1]
    columns = jnp.arange(1 if count == 2 else 0, count)
    scores = output if loss.takes_probabilities else jax.nn.softmax(output)
    return Predictions(
        truth=class_labels(output, target)[..., None] == columns[None],
        predicted=output.argmax(-1)[..., None] == columns[None],
        scores=scores[..., -columns.size :],
    )


def _positive(loss: Loss, output: jax.Array) -> jax.Array:
    return output > (0.5 if loss.takes_probabilities else 0.0)
