"""Which epoch's parameters are kept, and when to stop: decided on the device."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnn.layer import PyTree
from fnn.metrics import Metrics, higher_is_better
from fnn.spec import number, spec, static


@spec("selection.v1")
class Selection:
    """Keep the parameters of the epoch whose validation `metric` is best; perhaps stop early.

    Arguments:
        metric: a metric's name; the largest is best for accuracy, AUC, R² and the like, the
            smallest for losses and errors.
        patience: stop at the first validation that comes that many epochs (not validations, as in
            Keras) after the last better value; None never stops.
        min_delta: a value is better if it is by more than this, in the metric's own unit. The
            parameters kept are those of the last better value, as Keras does it with
            `restore_best_weights`.

    A value of NaN is never better; where all of them are, the last parameters are kept.
    """

    metric: str = static(default="loss")
    patience: float | None = number(default=None, low=1)
    min_delta: float = number(default=0.0, low=0)


class Best(NamedTuple):
    """The best so far: its value, its epoch (counted from 1; 0 for none yet), its parameters."""

    value: jax.Array
    epoch: jax.Array
    params: PyTree
    state: PyTree


def initial_best(selection: Selection, params: PyTree, state: PyTree, dtype: DTypeLike) -> Best:
    """None yet: any finite value is better, whatever stands in its place."""
    return Best(jnp.zeros((), dtype), jnp.zeros((), jnp.int32), params, state)


def update_best(
    selection: Selection,
    best: Best,
    metrics: Metrics,
    validated: jax.Array,
    epoch: jax.Array,
    params: PyTree,
    state: PyTree,
) -> Best:
    """The best after one more epoch, where that was validated."""
    value = metrics[selection.metric].astype(best.value.dtype)
    delta = jnp.asarray(selection.min_delta, value.dtype)
    new = Best(value, epoch, params, state)
    # A difference may be rounded otherwise where XLA computes it again, for other leaves.
    higher = higher_is_better(selection.metric)
    limit = jnp.finfo(value.dtype).max
    better = value > best.value + delta if higher else value < best.value - delta
    usable = value >= -limit if higher else value <= limit  # neither NaN nor the worst
    wins = validated & jnp.where(best.epoch == 0, usable, better)
    return jax.tree.map(lambda after, before: jnp.where(wins, after, before), new, best)


def has_patience(
    selection: Selection, best: Best, epoch: jax.Array, validate_every: int = 1
) -> jax.Array:
    """Whether training continues after this epoch: in any case until the next validation."""
    if selection.patience is None:
        return jnp.ones((), bool)
    waited = (epoch - best.epoch).astype(best.value.dtype)
    hopeful = waited < jnp.asarray(selection.patience, best.value.dtype)
    return hopeful | (epoch % validate_every != 0)
