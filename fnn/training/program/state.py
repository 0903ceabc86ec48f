"""The state of a run: one pytree."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnn.layer import PyTree
from fnn.shapes import wide
from fnn.training.policy import monitors
from fnn.training.policy.monitors import Monitors
from fnn.training.policy.selection import Best, initial_best
from fnn.training.program.kept import KeptProgram
from fnn.training.run import Run
from fnn.xla import check_jaxlib


class RunState(NamedTuple):
    """All that a run needs to continue: batch orders and step keys follow from the counters."""

    params: PyTree
    state: PyTree
    optimizer_state: PyTree
    order_key: jax.Array
    step_key: jax.Array
    epoch: jax.Array
    """epochs done"""
    step: jax.Array
    """steps done"""
    active: jax.Array
    """False once the run has stopped: its patience is over, or its loss is not finite"""
    loss_sum: jax.Array
    """Σ w ℓ over the rows of the epoch so far"""
    average: PyTree
    """what the run's averaging holds; None without"""
    best: Best | None
    """what the run's selection keeps; None without"""
    monitors: Monitors | None
    """sums of the epoch so far; None unless the run is monitored"""


OPTIONS = {"cpu": {"xla_backend_optimization_level": 1}}
"""by platform: half the time to compile what draws parameters, which is as fast for it"""


def jit_init(function: Callable[..., Any], *static: str) -> Any:
    """`jax.jit` for programs that draw parameters, and run once."""
    return _jitted(function, static, jax.default_backend())


@functools.cache
def _jitted(function: Callable[..., Any], static: tuple[str, ...], platform: str) -> Any:
    options = OPTIONS.get(platform)
    return KeptProgram(jax.jit(function, static_argnames=static, compiler_options=options), *static)


def init_state(
    run: Run, in_shape: PyTree, *, seed: int | jax.Array, order_seed: int | jax.Array
) -> RunState:
    """The state before the first step.

    `seed` decides initialization and dropout, `order_seed` the order of batches, so that runs can
    share one and differ in the other. Either may be traced. Raises `FnnError` on a jaxlib whose
    results are wrong (`fnn.xla.check_jaxlib`).
    """
    check_jaxlib()
    init_key, step_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0))
    order_key = jax.random.fold_in(jax.random.key(order_seed), 1)  # equal seeds share no key
    params, state = run.objective.init(init_key, in_shape)
    dtype = wide(run.objective.policy.dtype)
    return RunState(
        params=params,
        state=state,
        optimizer_state=run.optimizer.transformation().init(params),
        order_key=order_key,
        step_key=step_key,
        epoch=jnp.zeros((), jnp.int32),
        step=jnp.zeros((), jnp.int32),
        active=jnp.ones((), bool),
        loss_sum=jnp.zeros((), dtype),
        average=None if run.averaging is None else run.averaging.init((params, state)),
        best=None if run.selection is None else initial_best(run.selection, params, state, dtype),
        monitors=monitors.start(params) if run.monitor else None,
    )


def evaluation_parameters(run: Run, state: RunState) -> tuple[PyTree, PyTree]:
    """Parameters and layers' state as they are now: averaged, where the run averages."""
    now = state.params, state.state
    if run.averaging is None:
        return now
    averaged: tuple[PyTree, PyTree] = run.averaging.value(state.average, now, state.epoch)
    return averaged


def final_parameters(run: Run, state: RunState) -> tuple[PyTree, PyTree]:
    """Parameters and layers' state to use: the best by the run's selection, else the current."""
    params, layers = evaluation_parameters(run, state)
    if state.best is None:
        return params, layers
    kept, selected = state.best, state.best.epoch > 0
    return jax.tree.map(
        lambda best, now: jnp.where(selected, best, now),
        (kept.params, kept.state),
        (params, layers),
    )
