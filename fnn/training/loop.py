"""The host's side of a run: compile, call, look in now and then."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from fnn.objective import Batch
from fnn.shapes import shape_of, wide
from fnn.spec import FnnError, numbers
from fnn.training.checks import check_epochs, check_rows
from fnn.training.run import Run
from fnn.training.segment import EpochMetrics, segment
from fnn.training.state import RunState, init_state

_segment = jax.jit(segment, static_argnames="capacity", donate_argnames="state")
_init_state = jax.jit(init_state, static_argnames="in_shape")


class TrainResult(NamedTuple):
    """Where a run ended, its metrics by epoch, and the seconds it took, compiling included."""

    state: RunState
    history: EpochMetrics
    seconds: float


def train(
    run: Run,
    rows: Batch,
    validation: Batch | None = None,
    *,
    epochs: int,
    seed: int = 0,
    order_seed: int = 0,
    epochs_per_call: int | None = None,
    report: Callable[[int, EpochMetrics], None] | None = None,
) -> TrainResult:
    """Train on resident rows; the host looks in after every `epochs_per_call` epochs.

    By default the whole run is one call of one compiled program. `report(epoch, metrics)` is given
    the number of epochs done and the last one's metrics.

    Raises `ShapeError` for arrays of different lengths or none, `FnnError` for classes that the
    network has no output for, with the row, and for a loss that is not finite, with the epoch.
    """
    start = time.perf_counter()
    check_epochs(epochs)
    check_rows(run.objective, rows, "rows")
    if validation is not None:
        check_rows(run.objective, validation, "validation")
    run = numbers(run, wide(run.objective.policy.dtype))
    state = _init_state(run, shape_of(rows.x), seed=seed, order_seed=order_seed)
    history: list[EpochMetrics] = []
    done, capacity = 0, min(epochs_per_call or epochs, epochs)
    while done < epochs:
        size = min(capacity, epochs - done)
        state, metrics = _segment(run, state, rows, validation, epochs=size, capacity=capacity)
        metrics = jax.tree.map(operator.itemgetter(slice(size)), jax.device_get(metrics))
        history.append(metrics)
        _check_finite(metrics.loss, done)
        done += size
        if report is not None:
            report(done, jax.tree.map(lambda leaf: leaf[-1], metrics))
    joined = jax.tree.map(lambda *parts: np.concatenate(parts), *history)
    return TrainResult(jax.block_until_ready(state), joined, time.perf_counter() - start)


def _check_finite(losses: np.ndarray, done: int) -> None:
    bad = np.flatnonzero(~np.isfinite(losses))
    if bad.size:
        raise FnnError(
            f"the loss became {losses[bad[0]]} in epoch {done + bad[0] + 1}: "
            "try a smaller learning rate"
        )
