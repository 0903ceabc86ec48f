"""A segment of a run as one program: shuffle, batches, steps, validation."""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from fnn.metrics import Metrics
from fnn.objective import Batch
from fnn.spec import SpecError
from fnn.training.parallel.sharding import evaluate_on, replicate_in_program, shard_batch
from fnn.training.program.epoch import (
    EpochMetrics,
    Plan,
    batches,
    end_epoch,
    finish_epoch,
    gather,
    order,
    slice_rows,
)
from fnn.training.program.forward_only import forward_only
from fnn.training.program.state import RunState, evaluation_parameters
from fnn.training.program.step import scaled_weights, step, total_weight
from fnn.training.run import Run

Carry: TypeAlias = tuple[RunState, EpochMetrics]


def segment(
    run: Run,
    state: RunState,
    rows: Batch,
    validation: Batch | None = None,
    *,
    start: int | jax.Array,
    stop: int | jax.Array,
    capacity: int | None = None,
    target_scale: jax.Array | None = None,
    mesh: Mesh | None = None,
) -> tuple[RunState, EpochMetrics]:
    """The run from step `start`, where `state` stands, to step `stop`.

    A pure function: jit it, vmap it over states and runs. Both steps may be traced, so that one
    program serves all segments, and cutting a run into segments changes no bit of it: the compiler
    never learns how many steps there are, so it can't unroll a short loop and round otherwise.

    The metrics hold the epochs that end within the segment, in order, along an axis of length
    `capacity` (static; needed where the steps are traced), and zeros behind them. A segment may
    not end more epochs than that. `target_scale` is the target's, for metrics in its own units
    (`fnn.metrics.measure`). On a `mesh` (static) the rows of each batch are divided among its
    devices; the result is that of one, within rounding (`fnn.training.parallel.sharding`).

    Differentiate through it in forward mode (`jax.jvp`, `jax.jacfwd`). Reverse mode (`jax.grad`,
    `jax.vjp`) raises `FnnError`, because JAX can't reverse a loop of unknown length; for it put
    `fnn.step` into a `jax.lax.scan` of your own.

    Members under `vmap` must share `start` and `stop`, which decide where epochs end. A member
    whose patience is over keeps its state, and has zeros for metrics (`EpochMetrics.trained`); one
    that diverged computes NaN from there on, which affects no other member.
    """
    plan, rows = Plan.of(run, rows.target.shape[0]), scaled_weights(rows)
    capacity = _epochs_between(start, stop, plan) if capacity is None else capacity
    # Python's numbers would be constants of the program, computed with in other ways.
    start, stop, total = jax.lax.optimization_barrier(
        (jnp.int32(start), jnp.int32(stop), jnp.asarray(total_weight(rows), state.loss_sum.dtype))
    )
    first = start // plan.steps

    @jax.jit  # so that it is traced once, for the shapes of its metrics and for the loop
    def finish(state: RunState, epoch: jax.Array) -> Carry:
        state = end_epoch(run, state)
        measured = _validate(run, state, validation, epoch, target_scale, mesh)
        return finish_epoch(run, state, total, plan.steps, measured)

    shapes = jax.eval_shape(finish, state, first)[1]
    nothing = _zeros(shapes)
    history = _zeros(shapes, capacity + 1)  # the last row takes the metrics of no epoch's end

    def body(epoch: jax.Array, carry: Carry) -> Carry:
        before, history = carry
        low = jnp.maximum(start - epoch * plan.steps, 0)
        high = jnp.minimum(stop - epoch * plan.steps, plan.steps)
        state = replicate_in_program(_steps(run, before, rows, plan, epoch, low, high, mesh), mesh)
        ended = high == plan.steps
        state, metrics = jax.lax.cond(
            ended, finish, lambda state, _: (state, nothing), state, epoch
        )
        if run.selection is not None and run.selection.patience is not None:
            state = _freeze_if_inactive(before, state)
            metrics = _mask_metrics(before.active, metrics)
        return state, _write(history, metrics, jnp.where(ended, epoch - first, capacity))

    last = (stop + plan.steps - 1) // plan.steps
    state, history = jax.lax.fori_loop(first, last, body, (state, history))
    result: Carry = forward_only((state, jax.tree.map(lambda all: all[:capacity], history)))
    return result


def _epochs_between(start: int | jax.Array, stop: int | jax.Array, plan: Plan) -> int:
    """The epochs that end between two steps, and 1 if none does."""
    if isinstance(start, jax.core.Tracer) or isinstance(stop, jax.core.Tracer):
        raise SpecError("expected a whole number: start or stop is traced here", "capacity")
    return max(int(stop) // plan.steps - int(start) // plan.steps, 1)


def _zeros(shapes: EpochMetrics, *axes: int) -> EpochMetrics:
    """Zeros in place of metrics, with leading axes."""
    return jax.tree.map(lambda leaf: jnp.zeros((*axes, *leaf.shape), leaf.dtype), shapes)


def _write(history: EpochMetrics, metrics: EpochMetrics, index: jax.Array) -> EpochMetrics:
    """The history with the metrics of an epoch at its index."""
    return jax.tree.map(
        lambda all, one: jax.lax.dynamic_update_index_in_dim(all, one, index, 0), history, metrics
    )


def _steps(
    run: Run,
    state: RunState,
    rows: Batch,
    plan: Plan,
    epoch: jax.Array,
    low: jax.Array,
    high: jax.Array,
    mesh: Mesh | None,
) -> RunState:
    """Steps `low` to `high` (exclusive) of an epoch; the ragged last batch is a step apart."""
    turn = order(plan, state.order_key, epoch)
    if turn is None:
        return batches(run, state, lambda _: shard_batch(rows, mesh), low, high)

    def batch(number: jax.Array) -> Batch:
        return shard_batch(gather(rows, slice_rows(turn, number * plan.size, plan.size)), mesh)

    state = batches(run, state, batch, low, jnp.minimum(high, plan.whole))
    if not plan.ragged:
        return state
    rest = turn[plan.whole * plan.size :]
    return jax.lax.cond(
        (low <= plan.whole) & (high > plan.whole),
        lambda state: step(run, state, shard_batch(gather(rows, rest), mesh))[0],
        lambda state: state,
        state,
    )


def _validate(
    run: Run,
    state: RunState,
    rows: Batch | None,
    epoch: jax.Array,
    target_scale: jax.Array | None,
    mesh: Mesh | None,
) -> Metrics | None:
    """Metrics over the validation rows; zeros in an epoch that is not to be validated."""
    if rows is None:
        return None

    @jax.jit
    def measure(state: RunState) -> Metrics:
        return evaluate_on(
            mesh,
            run.objective,
            *evaluation_parameters(run, state),
            rows,
            run.metric_names,
            target_scale,
        )

    if run.validate_every == 1:
        metrics: Metrics = measure(state)
        return metrics
    shapes = jax.eval_shape(measure, state)
    missing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    due = (epoch + 1) % run.validate_every == 0
    return jax.lax.cond(due, measure, lambda _: missing, state)


def _freeze_if_inactive(before: RunState, after: RunState) -> RunState:
    """`after`, unless the run had stopped by itself before."""
    kept = jax.tree.map(lambda old, new: jnp.where(before.active, new, old), before, after)
    return kept._replace(order_key=after.order_key, step_key=after.step_key)


def _mask_metrics(active: jax.Array, metrics: EpochMetrics) -> EpochMetrics:
    return jax.tree.map(lambda leaf: jnp.where(active, leaf, jnp.zeros_like(leaf)), metrics)
