"""One step: a batch, its gradient, an update."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from fnn.gradients import METHODS
from fnn.objective import Batch
from fnn.ops.norm import largest_entry, power_of_two
from fnn.shapes import wide
from fnn.training.policy import monitors
from fnn.training.program.state import RunState
from fnn.training.run import Run


def step(run: Run, state: RunState, batch: Batch) -> tuple[RunState, jax.Array]:
    """The state after one update, and the loss (without penalties) before it."""
    key = jax.random.fold_in(state.step_key, state.step)
    differentiate = METHODS[run.gradient](run.objective)
    (_, aux), grads = differentiate(state.params, state.state, batch, key=key)
    updates, optimizer_state = run.optimizer.transformation().update(
        grads, state.optimizer_state, state.params
    )
    params = optax.apply_updates(state.params, updates)
    watched, average = state.monitors, state.average
    if watched is not None:
        watched = monitors.after_step(watched, state.params, grads, updates)
    if run.averaging is not None:
        average = run.averaging.after_step(average, (params, aux.state))
    after = state._replace(
        params=params,
        state=aux.state,
        optimizer_state=optimizer_state,
        step=state.step + 1,
        loss_sum=state.loss_sum + (aux.loss * total_weight(batch)).astype(state.loss_sum.dtype),
        average=average,
        monitors=watched,
    )
    return after, aux.loss


def scaled_weights(rows: Batch) -> Batch:
    """The rows, their weights divided by a power of two so that the largest is from 1 to 2.

    Only ratios of weights count, and Σ w of weights of 1e38 is infinite in float32.
    """
    if rows.weight is None:
        return rows
    weight = jnp.asarray(rows.weight)
    whole = not jnp.issubdtype(weight.dtype, jnp.floating)
    weight = weight.astype(jnp.float32 if whole else wide(weight.dtype))
    return rows._replace(weight=weight / power_of_two(largest_entry([weight])))


def total_weight(rows: Batch) -> float | jax.Array:
    """The sum of the rows' weights: their number, where they have none."""
    return float(rows.target.shape[0]) if rows.weight is None else rows.weight.sum()
