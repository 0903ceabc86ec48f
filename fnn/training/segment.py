"""Whole epochs as one program: shuffle, batches, steps, validation."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnn.metrics import Metrics, evaluate
from fnn.objective import Batch
from fnn.training.run import Run
from fnn.training.state import RunState
from fnn.training.step import step


class EpochMetrics(NamedTuple):
    """The mean loss over an epoch's rows as they were trained on, and what validation said."""

    loss: jax.Array
    validation: Metrics | None


def segment(
    run: Run,
    state: RunState,
    rows: Batch,
    validation: Batch | None = None,
    *,
    epochs: int | jax.Array,
    capacity: int | None = None,
) -> tuple[RunState, EpochMetrics]:
    """`epochs` epochs as one loop; the metrics carry an axis of that length.

    A pure function: jit it with `epochs` static, vmap it over seeds or rates. With a `capacity`
    (static) `epochs` may be traced, and one program serves any number up to it; the metrics then
    have that length, with zeros for the epochs not reached.

    Cutting a run into segments changes no bit of it: the compiler never learns how many epochs
    there are, so it can't unroll a short loop and round otherwise.
    """
    if capacity is None:
        capacity = int(epochs)
    count = jax.lax.optimization_barrier(jnp.asarray(epochs, jnp.int32))
    traced_once = jax.jit(epoch)
    measured = jax.eval_shape(traced_once, run, state, rows, validation)[1]
    history = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), measured)

    def body(index: jax.Array, carry: tuple[RunState, EpochMetrics]) -> Any:
        state, history = carry
        state, metrics = traced_once(run, state, rows, validation)
        return state, jax.tree.map(lambda all, one: all.at[index].set(one), history, metrics)

    return jax.lax.fori_loop(0, count, body, (state, history))


def epoch(
    run: Run, state: RunState, rows: Batch, validation: Batch | None = None
) -> tuple[RunState, EpochMetrics]:
    """Every row exactly once, in an order of its own; the ragged last batch is a step by itself."""
    count = rows.target.shape[0]
    size = min(run.batch_size, count)
    full = count - count % size
    order = jax.random.permutation(jax.random.fold_in(state.order_key, state.epoch), count)

    def body(state: RunState, index: jax.Array) -> tuple[RunState, jax.Array]:
        return step(run, state, take(rows, index))

    state, losses = jax.lax.scan(body, state, order[:full].reshape(-1, size))
    total = size * losses.sum()
    if full < count:
        state, last = step(run, state, take(rows, order[full:]))
        total = total + (count - full) * last
    state = state._replace(epoch=state.epoch + 1)
    measured = (
        None
        if validation is None
        else evaluate(run.objective, state.params, state.state, validation)
    )
    return state, EpochMetrics(total / count, measured)


def take(rows: Batch, index: jax.Array) -> Batch:
    """The rows of those numbers."""
    return jax.tree.map(lambda leaf: jnp.take(leaf, index, axis=0, mode="clip"), rows)
