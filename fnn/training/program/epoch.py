"""An epoch in parts: its plan, its steps, its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnn.metrics import Metrics
from fnn.objective import Batch
from fnn.training.policy import monitors
from fnn.training.policy.monitors import Monitors
from fnn.training.policy.selection import has_patience, update_best
from fnn.training.program.shuffle import shuffled
from fnn.training.program.state import RunState, evaluation_parameters
from fnn.training.program.step import step
from fnn.training.run import Run


class EpochMetrics(NamedTuple):
    """An epoch's mean loss over its rows as they were trained on, and what was measured at its end.

    trained: whether the run trained in that epoch: False once its patience is over, where the
        metrics are zeros.
    validated: whether it was validated, too; `validation` holds zeros where it was not.

    Zeros and masks, since NaN in place of what is missing would look like a fault to
    `jax.debug_nans`; `History`, on the host, has NaN there.
    """

    loss: jax.Array
    validation: Metrics | None
    monitors: Monitors | None
    trained: jax.Array
    validated: jax.Array


class Plan(NamedTuple):
    """How an epoch's rows become steps: `whole` batches of `size` rows, then the `ragged` rest."""

    rows: int
    size: int

    @classmethod
    def of(cls, run: Run, rows: int) -> Plan:
        """The plan of a run over that many rows."""
        return cls(rows, rows if run.batch_size == "full" else min(run.batch_size, rows))

    @property
    def whole(self) -> int:
        return self.rows // self.size

    @property
    def ragged(self) -> int:
        return self.rows % self.size

    @property
    def steps(self) -> int:
        return self.whole + (self.ragged > 0)


def steps_per_epoch(run: Run, rows: Batch | int) -> int:
    """Steps in which every row is seen once."""
    return Plan.of(run, rows if isinstance(rows, int) else rows.target.shape[0]).steps


def order(plan: Plan, order_key: jax.Array, epoch: jax.Array) -> jax.Array | None:
    """The rows in the order of that epoch; None where all of them are one batch, unshuffled."""
    if plan.size == plan.rows:
        return None
    return shuffled(jax.random.fold_in(order_key, epoch), plan.rows)


def batches(
    run: Run,
    state: RunState,
    batch: Callable[[jax.Array], Batch],
    first: jax.Array,
    last: jax.Array,
) -> RunState:
    """A step for each of the batches number `first` to `last` (exclusive)."""

    def body(number: jax.Array, state: RunState) -> RunState:
        return step(run, state, batch(number))[0]

    return jax.lax.fori_loop(first, last, body, state)


def end_epoch(run: Run, state: RunState) -> RunState:
    """The state after an epoch's last step: one more epoch, and the average with it."""
    average = state.average
    if run.averaging is not None:
        values = (state.params, state.state)
        average = run.averaging.after_epoch(average, values, state.epoch)
    return state._replace(average=average, epoch=state.epoch + 1)


def finish_epoch(
    run: Run, state: RunState, total: float | jax.Array, steps: int, validation: Metrics | None
) -> tuple[RunState, EpochMetrics]:
    """The end of an epoch: its metrics, whether it is the best, whether training continues.

    `total` is the sum of its rows' weights, `steps` how many steps it had.
    """
    loss = state.loss_sum / total
    monitored = None if state.monitors is None else monitors.report(state.monitors, steps)
    best, active = state.best, state.active & jnp.isfinite(loss)
    validated = state.epoch % run.validate_every == 0
    if run.selection is not None and best is not None and validation is not None:
        values = evaluation_parameters(run, state)
        best = update_best(run.selection, best, validation, validated, state.epoch, *values)
        active &= has_patience(run.selection, best, state.epoch, run.validate_every)
    state = state._replace(
        active=active,
        best=best,
        loss_sum=jnp.zeros_like(state.loss_sum),
        monitors=None if monitored is None else monitors.start(state.params),
    )
    trained = jnp.ones((), bool)
    return state, EpochMetrics(loss, validation, monitored, trained, validated)


def gather(rows: Batch, index: jax.Array) -> Batch:
    """The rows of those numbers."""
    return jax.tree.map(lambda leaf: jnp.take(leaf, index, axis=0, mode="clip"), rows)


def slice_rows(rows: Any, first: jax.Array, size: int) -> Any:
    """`size` rows from row `first` on."""
    return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, first, size), rows)
