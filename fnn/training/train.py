"""A run on prepared data, measured on its validation and test rows; what suits the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Unpack

from fnn.data import Dataset, Prepared, from_arrays, from_frame, load, prepare
from fnn.data.splits import FRACTIONS
from fnn.data.tables.frames import is_frame
from fnn.layer import Layer
from fnn.losses import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from fnn.objective import Batch
from fnn.shapes import shape, wide
from fnn.spec import FnnError, ShapeError, SpecError, error_path, kinds, numbers
from fnn.training.fitting import FittingOptions
from fnn.training.host.fit import FitResult, fit
from fnn.training.host.saving import Save, Snapshot
from fnn.training.rows import RowReader, compile_evaluation, evaluate_rows
from fnn.training.run import Run

TASKS = {"binary": "two classes", "classes": "classes", "regression": "numbers"}


@dataclass(frozen=True, eq=False)
class TrainResult(FitResult):
    """A run that has ended (`FitResult`), its data, and its metrics.

    `validation` and `test` are metrics by name, of `params` and `state`, in the target's own units
    save for the loss; None where no rows were set aside, and where the run was interrupted in
    its first epoch. `prepared.preprocessing` encodes further
    inputs and decodes outputs.
    """

    prepared: Prepared
    validation: dict[str, float] | None
    test: dict[str, float] | None


def train_run(
    run: Run,
    prepared: Prepared,
    *,
    state: Snapshot | None = None,
    save: Save | None = None,
    **options: Unpack[FittingOptions],
) -> TrainResult:
    """`fit` a run to prepared data, and measure it on validation and test rows."""
    check_loss(run.objective.loss, prepared)
    check_outputs(run.objective.net, prepared)
    options = {**options, "target_scale": prepared.preprocessing.target_scale}
    with ThreadPoolExecutor(1) as thread:  # XLA compiles evaluation beside the run
        for compile in _evaluations(run, prepared):
            thread.submit(compile)
        result = fit(run, prepared.train, prepared.validation, state=state, save=save, **options)
    return with_metrics(result, prepared)


def _evaluations(run: Run, prepared: Prepared) -> list[Callable[[], object]]:
    """What compiles the programs of `with_metrics`; none for a run that `fit` refuses."""
    run = numbers(run, wide(run.objective.policy.dtype))
    target_scale = prepared.preprocessing.target_scale
    with suppress(FnnError):
        return [
            compile_evaluation(run.objective, rows, run.metric_names, target_scale)
            for rows in (prepared.validation, prepared.test)
            if isinstance(rows, Batch)
        ]
    return []


def with_metrics(result: FitResult, prepared: Prepared) -> TrainResult:
    """The result of a fit, with its metrics on validation and test rows."""

    def measure(rows: Batch | RowReader | None) -> dict[str, float] | None:
        if rows is None or (result.status == "interrupted" and not int(result.run_state.epoch)):
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
        inputs, target = data
        named = is_frame(inputs) and isinstance(target, str)
        data = from_frame(inputs, target) if named else from_arrays(inputs, target)
    if not isinstance(data, Dataset):
        frame = (
            ': write fnn.data.from_frame(frame, target), or (frame, "target")'
            if is_frame(data)
            else ""
        )
        raise SpecError(
            "expected the name of a data set, a path, (inputs, target), (frame, column), a "
            f"fnn.data.Dataset or what fnn.data.prepare gives, got {type(data).__name__}{frame}",
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
    labels = prepared.preprocessing.labels
    if labels is not None:
        why = f"{len(labels)} yes/no labels, one logit each"
    elif classes is None:
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
            f"{'yes/no labels' if prepared.preprocessing.labels else TASKS[task]}: take {names}",
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
