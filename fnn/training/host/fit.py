"""The host's side of a run: call, look in now and then, stop when asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from fnn.layer import Tree
from fnn.objective import Batch
from fnn.shapes import shape_of, wide
from fnn.spec import FnnError, SpecError, numbers
from fnn.training.checks import (
    check_epochs,
    check_length,
    check_loggers,
    check_rows,
    check_seeds,
    check_selection,
)
from fnn.training.divergence import check_start
from fnn.training.host.history import History, joined
from fnn.training.host.in_memory import InMemorySource
from fnn.training.host.interrupts import interruptible
from fnn.training.host.streaming import StreamingSource
from fnn.training.host.training_loop import Logger, Status, TrainingLoop
from fnn.training.parallel.collectives import check_same
from fnn.training.parallel.devices import Devices, check_divides, mesh_of
from fnn.training.parallel.sharding import local_copy, replicate_result
from fnn.training.program.epoch import Plan
from fnn.training.program.state import RunState, final_parameters, init_state, jit_init
from fnn.training.rows import InMemoryRows, RowReader
from fnn.training.run import Run


def _init_state(run: Run, x: Tree, seed: jax.Array, order_seed: jax.Array) -> RunState:
    """`init_state` for inputs like those of some rows."""
    return init_state(run, shape_of(x), seed=seed, order_seed=order_seed)


_chosen = jax.jit(final_parameters)


class Timing(NamedTuple):
    """What a run took, on which device.

    compile_seconds: before the first step: initialization, tracing and compiling; next to nothing
        where the programs are there already.
    seconds: from the first step to the end, loggers included.
    examples_per_second: rows trained on in those seconds.
    device: as JAX calls its kind, such as "cpu", "NVIDIA H100 80GB HBM3" or "8 × cpu".
    """

    compile_seconds: float
    seconds: float
    examples_per_second: float
    device: str


class BestEpoch(NamedTuple):
    """The epoch (counted from 1) whose parameters were kept, by which metric, and its value."""

    epoch: int
    metric: str
    value: float


@dataclass(frozen=True, eq=False)
class FitResult:
    """A run that has ended.

    run: as it was given, its numbers as arrays.
    params, state: the ones to use: those of the best epoch where the run has a `Selection` that
        found one, averaged where the run averages, else the last.
    history: columns with an entry for each epoch that ended (`fnn.training.host.history`).
    best: None without a `Selection`, and where its metric was NaN (an AUC over rows of one class)
        or never measured before the run was interrupted.
    status: "finished", "stopped early" (patience), "interrupted" or "diverged".
    run_state: where the run stands.
    signal: the number of the signal that interrupted it; None if none did.
    """

    run: Run
    params: Tree
    state: Tree
    history: History
    best: BestEpoch | None
    status: Status
    timing: Timing
    run_state: RunState
    signal: int | None


class DivergedError(FnnError):
    """The loss, the parameters or what belongs to them became infinite or NaN.

    The message says at which step, and in which layer and leaf first. `fit` holds the run up to
    the step before: its last finite parameters, or the best epoch's where the run selects.
    """

    def __init__(self, message: str, fit: FitResult) -> None:
        super().__init__(message)
        self.fit = fit


def fit(
    run: Run,
    rows: Batch | RowReader,
    validation: Batch | RowReader | None = None,
    *,
    epochs: int,
    seed: int = 0,
    order_seed: int = 0,
    target_scale: Any = None,
    loggers: Sequence[Logger] = (),
    devices: Devices | None = None,
) -> FitResult:
    """Train for at most `epochs` epochs.

    Arguments:
        rows: a `Batch` of arrays, or `RowReader` to be read by number as they are needed, for data
            larger than memory; either way gives the same bits.
        validation: rows to measure after every `run.validate_every` epochs.
        seed: initialization and dropout; `order_seed`: the order of batches. From 0 to 2³² - 1.
        target_scale: what 1 in the target is worth, (O,) or () (see `fnn.metrics.measure`).
        loggers: called with a `TrainingEvent` about twice a second (after 4,096 epochs at
            the latest) and at the end. What they raise ends the run and reaches the caller.
        devices: how many devices divide the rows of each batch among them (`Devices` says what
            else it may be); None for the default one alone. The result is that of one device
            within rounding, on every process if there are several (`jax.distributed`), which all
            have to make this call.

    Neither loggers nor an interruption change a bit of what is computed, and another seed, number
    of epochs or number in `run` compiles nothing. Ctrl-C and SIGTERM end the run within about half
    a second, with what was reached (`status`); a second one raises `KeyboardInterrupt`. Outside
    the main thread Python hears no signals.

    Raises `ShapeError` for arrays of different lengths or none, `FnnError` for classes that the
    network has no output for, with the row, `SpecError` for other arguments that can't be used,
    and `DivergedError` for numbers that are not finite.
    """
    check_epochs(epochs)
    check_loggers(loggers)
    check_seeds(seed=seed, order_seed=order_seed)
    check_selection(run, validation is not None, epochs)
    run = numbers(run, wide(run.objective.policy.dtype))
    mesh = mesh_of(devices)
    began = time.perf_counter()
    with interruptible() as request:
        source = _source(run, rows, validation, target_scale, mesh)
        course = _start(source, rows, epochs, seed, order_seed)
        compiled = course.began - began
        while course.status is None:
            course.advance()
            if loggers:
                look = course.look()
                for logger in loggers:
                    logger(look)
            signal = request.heard(mesh)
            if signal is not None:
                course.interrupt()
    made = _result(course, compiled, signal)
    if course.fault:
        raise DivergedError(course.fault, made)
    return made


def _start(
    source: InMemorySource | StreamingSource,
    rows: Batch | RowReader,
    epochs: int,
    seed: int,
    order_seed: int,
) -> TrainingLoop:
    """A run before its first step, all its programs compiled."""
    run, plan = source.run, source.plan
    check_length(epochs, plan)
    check_divides(plan.size, source.mesh)
    one = rows if isinstance(rows, Batch) else rows.read(np.arange(1))
    check_same((run, one, plan, epochs, seed, order_seed), source.mesh)
    first = jax.tree.map(lambda leaf: leaf[:1], one.x)
    state = jit_init(_init_state)(run, first, np.uint32(seed), np.uint32(order_seed))
    state = replicate_result(state, source.mesh)
    check_start(run, state)
    source.advance(state, 0, 0)  # compiles, and computes nothing
    return TrainingLoop(run, source, state, epochs)


def _result(course: TrainingLoop, compiled: float, signal: int | None) -> FitResult:
    assert course.status is not None
    (seconds, rate), state, selection = course.throughput(), course.state, course.run.selection
    kept = None
    if selection is not None and state.best is not None and int(state.best.epoch):
        kept = BestEpoch(int(state.best.epoch), selection.metric, float(state.best.value))
    mesh, (device, *others) = course.source.mesh, state.step.devices()
    kind = f"{1 + len(others)} × {device.device_kind}" if others else device.device_kind
    params, layers = local_copy(_chosen(course.run, state), mesh)
    return FitResult(
        run=course.run,
        params=params,
        state=layers,
        history=joined(course.told),
        best=kept,
        status=course.status,
        timing=Timing(compiled, seconds, rate, kind),
        run_state=local_copy(state, mesh),
        signal=signal if course.status == "interrupted" else None,
    )


def _source(
    run: Run,
    rows: Batch | RowReader,
    validation: Batch | RowReader | None,
    target_scale: Any,
    mesh: Mesh | None,
) -> InMemorySource | StreamingSource:
    for place, given in {"rows": rows, "validation": validation}.items():
        if given is not None and not isinstance(given, RowReader):
            check_rows(run.objective, given, place)
    if isinstance(rows, Batch):
        if validation is not None and not isinstance(validation, Batch):
            raise SpecError("expected a fnn.Batch, as the rows to train on are", "validation")
        return InMemorySource(run, rows, validation, target_scale, mesh)
    if isinstance(validation, Batch):
        validation = InMemoryRows(validation)
    if Plan.of(run, len(rows)).whole == 1:  # a batch of all rows has to lie in memory anyway
        given = None if validation is None else _read_all(validation)
        return InMemorySource(run, _read_all(rows), given, target_scale, mesh)
    return StreamingSource(run, rows, validation, target_scale, mesh=mesh)


def _read_all(rows: RowReader) -> Batch:
    return rows.read(np.arange(len(rows)))
