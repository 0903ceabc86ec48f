"""Fit a run to rows: from arguments and data to a result."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Unpack

import jax
import numpy as np
from jax.sharding import Mesh
from jax.typing import ArrayLike

from fnn.host import transfers
from fnn.layer import PyTree
from fnn.objective import Batch
from fnn.shapes import shape_of, wide
from fnn.spec import FnnError, SpecError, numbers
from fnn.training.checks import check_length, check_rows, check_selection, check_state
from fnn.training.divergence import check_start
from fnn.training.fitting import Fitting, FittingOptions, check_options
from fnn.training.host.history import History, joined
from fnn.training.host.in_memory import InMemorySource
from fnn.training.host.loop import HostLoop
from fnn.training.host.saving import BackgroundSaver, Save, Snapshot
from fnn.training.host.single_run import SingleRun, Status
from fnn.training.host.streaming import StreamingSource
from fnn.training.lone_values import warn_of_lone_values
from fnn.training.parallel.collectives import allgather_int, check_same
from fnn.training.parallel.devices import check_divides
from fnn.training.parallel.sharding import local_copy, replicate, replicate_result
from fnn.training.program.epoch import Plan
from fnn.training.program.state import RunState, final_parameters, init_state, jit_init
from fnn.training.rows import InMemoryRows, RowReader
from fnn.training.run import Run


def _init_state(run: Run, x: PyTree, seed: jax.Array, order_seed: jax.Array) -> RunState:
    """`init_state` for inputs like those of some rows."""
    return init_state(run, shape_of(x), seed=seed, order_seed=order_seed)


_final_parameters = jax.jit(final_parameters)


def _parameters_to_use(run: Run, state: RunState) -> tuple[PyTree, PyTree]:
    """`final_parameters`, without a program where nothing is averaged."""
    if run.averaging is not None:
        averaged: tuple[PyTree, PyTree] = _final_parameters(run, state)
        return averaged
    best = state if state.best is None or not int(state.best.epoch) else state.best
    return best.params, best.state


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

    run: the argument, its numbers as arrays.
    params, state: the ones to use: those of the best epoch where the run has a `Selection` that
        found one, averaged where the run averages, else the last.
    history: columns with an entry for each epoch that ended (`fnn.training.host.history`).
    best: None without a `Selection`, and where its metric was NaN (an AUC over rows of one class)
        or never measured before the run was interrupted.
    status: "finished", "stopped early" (patience), "interrupted" or "diverged".
    run_state: all that the run would continue from.
    interrupted: what `stop` gave when it interrupted it; None if it did not.
    """

    run: Run
    params: PyTree
    state: PyTree
    history: History
    best: BestEpoch | None
    status: Status
    timing: Timing
    run_state: RunState
    interrupted: int | None


class DivergedError(FnnError):
    """The loss, the parameters or what belongs to them became infinite or NaN.

    The message says at which step, and in which layer and leaf first. `fit` holds the run up to
    the step before: its last finite parameters, or the best epoch's where the run selects.
    """

    def __init__(self, message: str, fit: FitResult) -> None:
        super().__init__(message)
        self.fit = fit


@transfers
def fit(
    run: Run,
    rows: Batch | RowReader,
    validation: Batch | RowReader | None = None,
    *,
    state: RunState | Snapshot | None = None,
    save: Save | None = None,
    **options: Unpack[FittingOptions],
) -> FitResult:
    """Train for at most `epochs` epochs, from the first one or from where a run stands.

    Arguments:
        rows: a `Batch` of arrays, or `RowReader` to be read by number as they are needed, for data
            larger than memory; either way gives the same bits.
        validation: rows to measure after every `run.validate_every` epochs.
        state: where to continue: a `RunState`, such as `run_state` of a result, whose history is
            that of the epochs from there on, or a `Snapshot`, which has the history before it. The
            bits are those of a run that was never interrupted; `epochs` counts from its beginning,
            and the seeds are those of the state.
        save: called with a `Snapshot` every `save_every` seconds (60) and at the end, however the
            run ends, in a thread of its own. What it raises ends the training.
        epochs, seed, order_seed, target_scale, loggers, stop, devices: see `FittingOptions`.
            Loggers are called about twice a second (after 4,096 epochs at the latest) and at the
            end. Devices divide the rows of each batch among them: the result is that of one device
            within rounding, on every process if there are several (`jax.distributed`), which all
            have to make this call.

    Neither loggers nor an interruption change a bit of what is computed, and another seed, number
    of epochs or number in `run` compiles nothing. `stop` ends the run within about half a second.

    Raises `ShapeError` for arrays of different lengths or none, `FnnError` for classes that the
    network has no output for, with the row, `SpecError` for other arguments that can't be used,
    and `DivergedError` for numbers that are not finite.
    """
    check_options(fit, options)
    fitting = Fitting[Run, Batch | RowReader](run, rows, validation, **options)
    check_selection(run, validation is not None, fitting.epochs)
    mesh = fitting.mesh("rows")
    start_time = time.perf_counter()
    under_way = _start(fitting, mesh, state)
    compile_seconds = under_way.start_time - start_time
    loop = fitting.loop(mesh)
    _run_and_save(under_way, loop, save)
    if not under_way.done:
        under_way.status = "interrupted"
    result = _result(under_way, compile_seconds, loop.interrupted)
    if under_way.fault:
        raise DivergedError(under_way.fault, result)
    return result


def _run_and_save(run: SingleRun, loop: HostLoop, save: Save | None) -> None:
    """Train, and save what was reached however that ends: by an error of a logger too."""
    if not max(allgather_int(save is not None, loop.mesh)):
        loop.run(run, event=run.event)
        return
    saver = BackgroundSaver(save or _save_nothing)  # of several processes, one may save for all
    try:
        loop.run(run, event=run.event, save=lambda: saver(run.snapshot()))
    finally:
        saver(run.snapshot())
        saver.close()


def _save_nothing(snapshot: Snapshot) -> None:
    """Another process saves it."""


def _start(
    fitting: Fitting[Run, Batch | RowReader],
    mesh: Mesh | None,
    begin: RunState | Snapshot | None = None,
) -> SingleRun:
    """A run before its first step, or where it stands, all its programs compiled."""
    run = numbers(fitting.run, wide(fitting.run.objective.policy.dtype))
    rows, epochs, seeds = fitting.rows, fitting.epochs, (fitting.seed, fitting.order_seed)
    source = _source(run, rows, fitting.validation, fitting.target_scale, mesh)
    check_length(epochs, source.plan)
    check_divides(source.plan.size, mesh)
    one = rows if isinstance(rows, Batch) else rows.read(np.arange(1))
    check_same((run, one, source.plan, epochs, *seeds), mesh)
    warn_of_lone_values(run, one.x, source.plan)
    first = jax.tree.map(lambda leaf: leaf[:1], one.x)
    arguments = (run, first, *map(np.uint32, seeds))
    if begin is None:
        snapshot = Snapshot(replicate_result(_first_state(source, arguments), mesh), {})
    else:
        snapshot = begin if isinstance(begin, Snapshot) else Snapshot(begin, {})
        check_state(snapshot.state, jax.eval_shape(_init_state, *arguments))
        snapshot = snapshot._replace(state=replicate(snapshot.state, mesh))
    state = snapshot.state
    check_start(run, state)
    source.advance(state, 0, 0)  # compiles what is not yet compiled, and computes nothing
    return SingleRun(run, source, snapshot, epochs)


def state_shapes(run: Run, rows: Batch | RowReader) -> RunState:
    """The shapes of a run's state for such rows."""
    run = numbers(run, wide(run.objective.policy.dtype))
    one = rows if isinstance(rows, Batch) else rows.read(np.arange(1))
    first = jax.tree.map(lambda leaf: leaf[:1], one.x)
    return jax.eval_shape(_init_state, run, first, *2 * [np.uint32(0)])


def _first_state(
    source: InMemorySource | StreamingSource, arguments: tuple[Run, PyTree, np.uint32, np.uint32]
) -> RunState:
    """The state before the first step, the program of the steps compiled beside it."""
    init = jit_init(_init_state)
    if source.mesh is None and isinstance(source, InMemorySource):
        lowered = init.lower(*arguments)
        with ThreadPoolExecutor(1) as thread:  # XLA compiles one while Python traces the other
            compiled = thread.submit(lowered.compile)
            source.compile(lowered.out_info)
            compiled.result()
    state: RunState = init(*arguments)
    return state


def _result(run: SingleRun, compile_seconds: float, interrupted: int | None) -> FitResult:
    assert run.status is not None
    (seconds, rate), state, selection = run.throughput(), run.state, run.run.selection
    best = None
    if selection is not None and state.best is not None and int(state.best.epoch):
        best = BestEpoch(int(state.best.epoch), selection.metric, float(state.best.value))
    mesh, (device, *others) = run.source.mesh, state.step.devices()
    kind = f"{1 + len(others)} × {device.device_kind}" if others else device.device_kind
    params, layers = local_copy(_parameters_to_use(run.run, state), mesh)
    return FitResult(
        run=run.run,
        params=params,
        state=layers,
        history=joined(run.histories),
        best=best,
        status=run.status,
        timing=Timing(compile_seconds, seconds, rate, kind),
        run_state=local_copy(state, mesh),
        interrupted=interrupted if run.status == "interrupted" else None,
    )


def _source(
    run: Run,
    rows: Batch | RowReader,
    validation: Batch | RowReader | None,
    target_scale: ArrayLike | None,
    mesh: Mesh | None,
) -> InMemorySource | StreamingSource:
    for name, batch in {"rows": rows, "validation": validation}.items():
        if batch is not None and not isinstance(batch, RowReader):
            check_rows(run.objective, batch, name)
    if isinstance(rows, Batch):
        if validation is not None and not isinstance(validation, Batch):
            raise SpecError("expected a fnn.Batch, as the rows to train on are", "validation")
        return InMemorySource(run, rows, validation, target_scale, mesh)
    if isinstance(validation, Batch):
        validation = InMemoryRows(validation)
    if Plan.of(run, len(rows)).whole == 1:  # a batch of all rows has to lie in memory anyway
        all_validation = None if validation is None else _read_all(validation)
        return InMemorySource(run, _read_all(rows), all_validation, target_scale, mesh)
    return StreamingSource(run, rows, validation, target_scale, mesh=mesh)


def _read_all(rows: RowReader) -> Batch:
    return rows.read(np.arange(len(rows)))
