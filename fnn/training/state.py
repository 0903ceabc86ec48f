"""Where a run stands: one pytree."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn.layer import Tree
from fnn.training.run import Run


class RunState(NamedTuple):
    """All that a run needs to go on. Batch orders and step keys follow from the counters alone."""

    params: Tree
    state: Tree
    optimizer_state: Tree
    order_key: jax.Array
    step_key: jax.Array
    epoch: jax.Array
    step: jax.Array


def init_state(
    run: Run, in_shape: Tree, *, seed: int | jax.Array, order_seed: int | jax.Array
) -> RunState:
    """The state before the first step.

    `seed` decides initialisation and dropout, `order_seed` the order of batches, so that runs can
    share one and differ in the other. Either may be traced.
    """
    init_key, step_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0))
    order_key = jax.random.fold_in(jax.random.key(order_seed), 1)  # equal seeds share no key
    params, state = run.objective.init(init_key, in_shape)
    return RunState(
        params=params,
        state=state,
        optimizer_state=run.optimizer.transformation().init(params),
        order_key=order_key,
        step_key=step_key,
        epoch=jnp.zeros((), jnp.int32),
        step=jnp.zeros((), jnp.int32),
    )
