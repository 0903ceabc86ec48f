"""Training that is recorded in a folder, as the front doors and the command line do it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from fnn.data import Prepared
from fnn.network_summary import parameter_count
from fnn.objective import Batch
from fnn.runs.adapters.single import RunRecorder
from fnn.runs.figures import can_draw
from fnn.runs.folder import Record, RunFolder
from fnn.runs.origin import MemberOrigin, Origin
from fnn.runs.recorder import R, Recorder
from fnn.shapes import shape
from fnn.spec import FnnError, SpecError
from fnn.sweeps import Member
from fnn.sweeps.checks import groups
from fnn.training import DivergedError, Logger
from fnn.training.parallel.devices import Devices, mesh_of
from fnn.training.train import TrainResult, with_metrics

F = TypeVar("F", bound=RunFolder)
ROOM = 2**28
"""bytes that the parameters of all members may take; of more, only those of the best are kept"""


def record(recorder: Recorder[R] | None, train: Callable[[], R]) -> R:
    """Call `train`, and record what it returns if there is a recorder."""
    return train() if recorder is None else recorder.record(train)


def record_run(
    recorder: RunRecorder | None, prepared: Prepared, train: Callable[[], TrainResult]
) -> TrainResult:
    """`record` for a single run: one that diverges is recorded before its error is raised.

    The `DivergedError` then holds a `TrainResult`.
    """
    diverged: DivergedError | None = None

    def train_or_diverge() -> TrainResult:
        nonlocal diverged
        try:
            return train()
        except DivergedError as error:
            diverged = error
            return with_metrics(error.fit, prepared)

    result = record(recorder, train_or_diverge)
    if diverged is not None:
        diverged.fit = result
        raise diverged
    return result


def members_to_keep(members: Sequence[Member], prepared: Prepared, models: int) -> int | None:
    """How many members keep their parameters: all (None) if they fit into `ROOM` bytes."""
    in_shape = shape(*prepared.preprocessing.in_shape)
    size = sum(
        4 * len(group) * parameter_count(members[group[0]].run.objective.net, in_shape)
        for group in groups(members)
    )
    return None if size <= ROOM else models


def loggers_of(recorder: Logger | None, *others: Logger | None) -> list[Logger]:
    """The loggers of a training: its recorder and others, as far as there are any."""
    return [logger for logger in (recorder, *others) if logger is not None]


def python_origin(
    call: str, rows: Record, *, seed: int = 0, order_seed: int = 0, split_seed: int = 0
) -> Origin:
    """The origin of a run that Python has started by calling `call`."""
    seeds = {"seed": seed, "order_seed": order_seed, "split_seed": split_seed}
    return Origin(None, None, rows, seeds, call)


def member_origin(call: str, rows: Record) -> MemberOrigin:
    """The origins of members as runs by themselves."""
    return lambda member: python_origin(call, rows, seed=member.seed, order_seed=member.order_seed)


def check_no_batch(data: object) -> None:
    """Raises `SpecError` for a `Batch`: it has no preprocessing to be kept with a model."""
    if isinstance(data, Batch):
        raise SpecError("records data with their preprocessing, got a fnn.Batch", "folder")


def check_can_draw(figures: bool) -> None:
    """Raises `FnnError` where figures are wanted and can't be drawn."""
    if figures and not can_draw():
        message = "needs matplotlib: pip install 'fnn[plots]', or say figures=False"
        raise FnnError(message, "figures")


def create_or_resume(kind: type[F], path: str | os.PathLike[str], resumed_from: str) -> F:
    """The folder at `path`: the one that holds the file `resumed_from`, an empty one, or a new one.

    One that a kill has left with no more than its config.json is taken too. Raises `FnnError` for
    any other path that exists.
    """
    location = Path(path)
    begun = (location / "config.json").is_file() and not (location / "result.json").exists()
    if (location / resumed_from).is_file() or begun or is_empty(location):
        return kind(location)
    return kind.create(location)


def is_empty(folder: Path) -> bool:
    """Whether there is a folder with nothing in it, or what a kill has left before any file."""
    return folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())


def device_count(devices: Devices | None) -> int:
    """How many devices share the batches of a single run."""
    mesh = mesh_of(devices, "rows")
    return 1 if mesh is None else mesh.size
