"""From a network and data to a trained network: the engine with what suits the data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, Unpack

import optax

from fnn.api.options import FIT_OPTIONS, Data, TrainOptions
from fnn.api.recorded import (
    check_can_draw,
    device_count,
    is_empty,
    loggers_of,
    python_origin,
    record_run,
)
from fnn.data import Prepared
from fnn.data.splits import FRACTIONS
from fnn.layer import Layer
from fnn.losses import Loss
from fnn.objective import Objective, Policy
from fnn.optimizers import Optimizer
from fnn.runs.adapters.single import RunRecorder, SingleRunAdapter
from fnn.runs.folder import RunFolder
from fnn.runs.source import python_data_record
from fnn.spec import replace
from fnn.training import Progress, Run, Selection, Snapshot
from fnn.training.checks import check_epochs, check_loggers
from fnn.training.fitting import check_options
from fnn.training.parallel.collectives import is_primary_process
from fnn.training.train import (
    TrainResult,
    as_prepared,
    default_batch_size,
    default_epochs,
    default_loss,
    train_run,
)


def train(
    net: Layer,
    data: Data,
    *,
    loss: Loss | str | None = None,
    optimizer: Optimizer | optax.GradientTransformation | str = "adam",
    epochs: int | None = None,
    batch_size: int | Literal["full"] | None = None,
    fractions: Sequence[float] = FRACTIONS,
    split_seed: int = 0,
    progress: bool = True,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    allow_different: bool = False,
    **options: Unpack[TrainOptions],
) -> TrainResult:
    """Train `net` on `data`, and measure it once on the rows set aside for a test.

    Arguments:
        data: the name of a set or the path of a file (`fnn.data.load`), a `Dataset`, arrays
            (inputs, target) of (N, …) and (N,) or (N, O), a frame of pandas, polars or Arrow with
            the name of a column of it, (frame, "target"), or what `fnn.data.prepare` made. All but
            the last are split by `fractions` (of rows to train on, to validate and to test) and
            `split_seed`, encoded and standardized by their training rows.
        loss: None for what suits the target: binary cross-entropy on one logit for two classes,
            categorical cross-entropy for more, squared error on a standardized target for numbers
            (metrics are in the target's own units).
        epochs: None for as many as make two million rows, but from 10 to 100.
        batch_size: None for 32, or 128 from 10,000 training rows on; "full" for all rows. A step
            takes all rows where there are fewer than that, as in Keras and PyTorch.
        metrics: None for what suits the loss (`fnn.metrics.default_metrics`).
        selection: "auto" keeps the epoch with the smallest validation loss, where there are
            validation rows, and runs to the end; a `Selection` says otherwise, or stops early; None
            keeps the last epoch, as Keras does. Being chosen by them, an epoch looks a little
            better on the validation rows than it is; its test metrics are free of that.
        seed: initialization and dropout; `order_seed`: the order of batches.
        progress: whether to draw a bar while it runs, if standard error is a terminal.
        folder: a folder to make and to record the run in, as `fnn train` does: its spec, epochs as
            they end, the model, the result and the figures (which need matplotlib). `fnn runs`
            lists it, `fnn.model.load` reads the model. Of several processes, the first records.
        resume: whether to go on with the run in `folder`, to the bits that it would have had; where
            there is no such folder yet, it begins. `epochs` may be more than before where no
            schedule hangs on them.
        allow_different: whether to go on where versions, devices, JAX's settings of random numbers
            or the data are others than before, so that bits would differ.
        save_every: seconds after which where the run stands is saved into the folder.

    The other arguments are those of `Objective`, `Run` and `fit`, and so are the errors. The
    network must end in as many outputs as the data asks for (`ShapeError`). A folder that exists
    already is refused without `resume`, and with it one of another run (`FnnError`); a run that
    diverges is recorded before `DivergedError` is raised.
    """
    check_options(train, options, TrainOptions)
    loggers = options.get("loggers", ())
    check_loggers(loggers)
    check_can_draw(folder is not None)
    prepared = as_prepared(data, fractions, split_seed)
    length = default_epochs(len(prepared.train.target)) if epochs is None else epochs
    check_epochs(length)
    run = _run(net, prepared, loss, optimizer, batch_size, length, options)
    recorder, snapshot = None, None
    if folder is not None:
        seeds = {"seed": options.get("seed", 0), "order_seed": options.get("order_seed", 0)}
        rows = python_data_record(data, prepared, fractions, split_seed)
        origin = python_origin("fnn.train", rows, split_seed=split_seed, **seeds)
        adapter = SingleRunAdapter(origin, run, prepared, device_count(options.get("devices")))
        recorder, snapshot = _recorder(adapter, folder, resume, allow_different)
    with closing(Progress()) as bar:
        values: Mapping[str, Any] = options
        fitting = {name: values[name] for name in FIT_OPTIONS if name in values}
        fitting["loggers"] = loggers_of(recorder, *loggers, bar if progress else None)
        fitting |= {"state": snapshot, "save": None if recorder is None else recorder.save}
        return record_run(
            recorder, prepared, lambda: train_run(run, prepared, epochs=length, **fitting)
        )


def _recorder(
    adapter: SingleRunAdapter, folder: str | os.PathLike[str], resume: bool, allow_different: bool
) -> tuple[RunRecorder | None, Snapshot | None]:
    """What records the run, of several processes the first; and where it stands if it does."""
    path, snapshot = Path(folder), None
    resumed = resume and (path / "config.json").is_file()
    if resumed:
        snapshot = adapter.load(RunFolder(path), allow_different).snapshot
    if not is_primary_process():
        return None, snapshot
    again = resume and (resumed or is_empty(path))
    kept = RunFolder(path) if again else RunFolder.create(path)
    return RunRecorder(kept, adapter, resumed=resumed), snapshot


def _run(
    net: Layer,
    prepared: Prepared,
    loss: Loss | str | None,
    optimizer: Optimizer | optax.GradientTransformation | str,
    batch_size: int | Literal["full"] | None,
    epochs: int,
    options: TrainOptions,
) -> Run:
    """The run that arguments of `train` describe, with what suits the data where they are None."""
    chosen: Any = default_loss(prepared) if loss is None else loss
    policy = Policy(options.get("precision", "float32"))
    objective = Objective(net, chosen, options.get("penalties", ()), policy)
    size = default_batch_size(len(prepared.train.target)) if batch_size is None else batch_size
    selection = options.get("selection", "auto")
    run = Run(
        objective,
        optimizer,
        size,
        options.get("gradient", "automatic"),
        metrics=options.get("metrics"),
        validate_every=options.get("validate_every", 1),
        selection=None if selection == "auto" else selection,
        averaging=options.get("averaging"),
        monitor=options.get("monitor", False),
    )
    if selection == "auto" and prepared.validation is not None and epochs >= run.validate_every:
        return replace(run, selection=Selection())
    return run
