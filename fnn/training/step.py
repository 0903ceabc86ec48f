"""One step: a batch, its gradient, an update."""

from __future__ import annotations

import jax
import optax

from fnn.gradients import METHODS
from fnn.objective import Batch
from fnn.training.run import Run
from fnn.training.state import RunState


def step(run: Run, state: RunState, batch: Batch) -> tuple[RunState, jax.Array]:
    """The state after one update, and the loss (without penalties) before it."""
    key = jax.random.fold_in(state.step_key, state.step)
    differentiate = METHODS[run.gradient](run.objective)
    (_, aux), grads = differentiate(state.params, state.state, batch, key=key)
    updates, optimizer_state = run.optimizer.transformation().update(
        grads, state.optimizer_state, state.params
    )
    after = state._replace(
        params=optax.apply_updates(state.params, updates),
        state=aux.state,
        optimizer_state=optimizer_state,
        step=state.step + 1,
    )
    return after, aux.loss
