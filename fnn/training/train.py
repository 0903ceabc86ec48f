"""From a network and data to a trained network: the engine with what suits the data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import optax

from fnn.data import Dataset, Prepared, from_arrays, load, prepare
from fnn.data.splits import FRACTIONS
from fnn.data.tables.frames import is_frame
from fnn.layer import Layer
from fnn.losses import BinaryCrossEntropy, CrossEntropy, Loss, Penalty, SquaredError
from fnn.objective import Batch, Objective, Policy
from fnn.optimizers import Optimizer
from fnn.shapes import shape
from fnn.spec import ShapeError, SpecError, error_path, kinds, replace
from fnn.training.checks import check_epochs, check_loggers
from fnn.training.fitting import FittingOptions
from fnn.training.host.events import Logger
from fnn.training.host.fit import FitResult, fit
from fnn.training.host.progress import Progress
from fnn.training.parallel.devices import Devices
from fnn.training.policy.averaging import Averaging
from fnn.training.policy.selection import Selection
from fnn.training.rows import RowReader, evaluate_rows
from fnn.training.run import Run

TASKS = {"binary": "two classes", "classes": "classes", "regression": "numbers"}


@dataclass(frozen=True, eq=False)
class TrainResult(FitResult):
    """A run that has ended (`Fit`), the data that it saw, and how good it is.

    `validation` and `test` are metrics by name, of `params` and `state`, in the target's own units
    save for the loss; None where no rows were set aside. `prepared.preprocessing` encodes further
    inputs and decodes outputs.
    """

    prepared: Prepared
    validation: dict[str, float] | None
    test: dict[str, float] | None


def train(
    net: Layer,
    data: str | os.PathLike[str] | Dataset | Prepared | tuple[Any, Any],
    *,
    loss: Loss | str | None = None,
    optimizer: Optimizer | optax.GradientTransformation | str = "adam",
    epochs: int | None = None,
    batch_size: int | Literal["full"] | None = None,
    gradient: Literal["automatic", "manual"] = "automatic",
    penalties: tuple[Penalty, ...] = (),
    precision: Literal["float32", "bfloat16", "float64"] = "float32",
    metrics: tuple[str, ...] | None = None,
    validate_every: int = 1,
    selection: Selection | Literal["auto"] | None = "auto",
    averaging: Averaging | None = None,
    monitor: bool = False,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    order_seed: int = 0,
    split_seed: int = 0,
    progress: bool = True,
    loggers: Sequence[Logger] = (),
    devices: Devices | None = None,
) -> TrainResult:
    """Train `net` on `data`, and measure it once on the rows set aside for a test.

    Arguments:
        data: the name of a set or the path of a file (`fnn.data.load`), a `Dataset`, arrays
            (inputs, target) of (N, …) and (N,) or (N, O), or what `fnn.data.prepare` made. All but
            the last are split by `fractions` (of rows to train on, to validate and to test) and
            `split_seed`, encoded and standardized by their training rows.
        loss: None for what suits the target: binary cross-entropy on one logit for two classes,
            categorical cross-entropy for more, squared error on a standardized target for numbers
            (metrics are in the target's own units).
        epochs: None for as many as make two million rows, but from 10 to 100.
        batch_size: None for 32, or 128 from 10,000 training rows on; "full" for all rows.
        metrics: None for what suits the loss (`fnn.metrics.default_metrics`).
        selection: "auto" keeps the epoch with the smallest validation loss, where there are
            validation rows, and runs to the end; a `Selection` says otherwise, or stops early; None
            keeps the last epoch, as Keras does. Being chosen by them, an epoch looks a little
            better on the validation rows than it is; its test metrics are free of that.
        seed: initialization and dropout; `order_seed`: the order of batches.
        progress: whether to draw a bar while it runs, if standard error is a terminal.

    The other arguments are those of `Objective`, `Run` and `fit`, and so are the errors. The
    network must end in as many outputs as the data asks for (`ShapeError`).
    """
    check_loggers(loggers)
    prepared = as_prepared(data, fractions, split_seed)
    rows = len(prepared.train.target)
    length = default_epochs(rows) if epochs is None else epochs
    check_epochs(length)
    chosen: Any = default_loss(prepared) if loss is None else loss
    run = Run(
        Objective(net, chosen, penalties, Policy(precision)),
        optimizer,
        default_batch_size(rows) if batch_size is None else batch_size,
        gradient,
        metrics=metrics,
        validate_every=validate_every,
        selection=None if selection == "auto" else selection,
        averaging=averaging,
        monitor=monitor,
    )
    validated = prepared.validation is not None and length >= run.validate_every
    if selection == "auto" and validated:
        run = replace(run, selection=Selection())
    with closing(Progress()) as bar:
        return train_run(
            run,
            prepared,
            epochs=length,
            seed=seed,
            order_seed=order_seed,
            loggers=(*loggers, bar) if progress else loggers,
            devices=devices,
        )


def train_run(run: Run, prepared: Prepared, **options: Unpack[FittingOptions]) -> TrainResult:
    """`fit` a run to prepared data, and measure it on validation and test rows."""
    check_loss(run.objective.loss, prepared)
    check_outputs(run.objective.net, prepared)
    options = {**options, "target_scale": prepared.preprocessing.target_scale}
    return with_metrics(fit(run, prepared.train, prepared.validation, **options), prepared)


def with_metrics(result: FitResult, prepared: Prepared) -> TrainResult:
    """The result of a fit, with its metrics on validation and test rows."""

    def measure(rows: Batch | RowReader | None) -> dict[str, float] | None:
        if rows is None:
            return None
        measured = evaluate_rows(
            result.run.objective,
            result.params,
            result.state,
            rows,
            result.run.metric_names,
            prepared.preprocessing.target_scale,
        )
        return {name: float(measured[name]) for name in result.run.metric_names}

    return TrainResult(
        **vars(result),
        prepared=prepared,
        validation=measure(prepared.validation),
        test=measure(prepared.test),
    )


def as_prepared(
    data: object, fractions: Sequence[float] = FRACTIONS, split_seed: int = 0
) -> Prepared:
    """Data in any form, split and encoded."""
    if isinstance(data, Prepared):
        return data
    if isinstance(data, (str, os.PathLike)):
        data = load(data)
    elif isinstance(data, (tuple, list)) and len(data) == 2:
        data = from_arrays(*data)
    if not isinstance(data, Dataset):
        frame = ": write fnn.data.from_frame(frame, target)" if is_frame(data) else ""
        raise SpecError(
            "expected the name of a data set, a path, (inputs, target), a fnn.data.Dataset or what "
            f"fnn.data.prepare gives, got {type(data).__name__}{frame}",
            "data",
        )
    return prepare(data, fractions, seed=split_seed)


def check_outputs(net: Layer, prepared: Prepared) -> None:
    """The network takes these inputs, and ends in as many outputs as the target asks for."""
    with error_path("net"):
        output = net.out_shape(shape(*prepared.preprocessing.in_shape))
    wanted, classes = prepared.preprocessing.outputs, prepared.preprocessing.classes
    if getattr(output, "shape", None) == (wanted,):
        return
    if classes is None:
        why = "one number to predict" if wanted == 1 else f"{wanted} numbers to predict"
    else:
        why = f"{len(classes)} classes ({', '.join(classes[:5])}{', …' if classes[5:] else ''})"
        why += ", one logit for both" if wanted == 1 else ""
    got = getattr(output, "shape", output)
    raise ShapeError(
        f"expected a network whose output has shape ({wanted},), for {why}; got {got}", "net"
    )


def check_loss(loss: Loss, prepared: Prepared) -> None:
    """A loss of classes for classes, one of numbers for numbers; without a task, for any."""
    task = prepared.preprocessing.task
    if loss.task not in (None, task):
        losses = (cls for cls in kinds().values() if issubclass(cls, Loss) and cls.task == task)
        names = " or ".join(cls.__name__ for cls in losses)
        raise SpecError(
            f"{loss} does not suit the target {prepared.preprocessing.target_name!r}, which is "
            f"{TASKS[task]}: take {names}",
            "loss",
        )


def default_loss(prepared: Prepared) -> Loss:
    """What suits the target."""
    losses = {"binary": BinaryCrossEntropy, "classes": CrossEntropy, "regression": SquaredError}
    loss: Loss = losses[prepared.preprocessing.task]()
    return loss


def default_epochs(rows: int) -> int:
    """Times that every row is seen: two million rows in all, but from 10 to 100 times."""
    return min(max(2_000_000 // rows, 10), 100)


def default_batch_size(rows: int) -> int:
    """Rows a step: 32, or 128 from 10,000 rows on."""
    return 128 if rows >= 10_000 else 32
