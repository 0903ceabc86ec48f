"""From axes and data to a sweep, with or without its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Unpack

from fnn.api.options import Data, SweepOptions
from fnn.api.recorded import create_or_resume, member_origin, members_to_keep, record
from fnn.data import Prepared
from fnn.data.splits import FRACTIONS
from fnn.objective import Batch
from fnn.runs.adapters.sweep import SweepAdapter, SweepRecorder
from fnn.runs.folder import Record
from fnn.runs.source import python_data_record
from fnn.runs.sweep import SweepFolder
from fnn.sweeps import SweepResult
from fnn.sweeps.axes import Axis, Member, members
from fnn.sweeps.export import check_libraries
from fnn.sweeps.sweep import sweep as sweep_fields
from fnn.sweeps.sweep import sweep_members
from fnn.sweeps.test_protocol import measured
from fnn.training.checks import check_loggers
from fnn.training.fitting import check_options
from fnn.training.parallel.collectives import is_primary_process
from fnn.training.run import Run
from fnn.training.train import as_prepared


def sweep(
    run: Run,
    data: Data | Batch,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    folder: str | os.PathLike[str] | None = None,
    models: int = 3,
    **options: Unpack[SweepOptions],
) -> SweepResult:
    """Train `run` many times as one program: over learning rates, seeds, widths, anything in it.

    Arguments:
        run: what is varied.
        data, validation: what `fnn.train` takes, or a `Batch` and a `Batch` to validate.
        over: the axes, by the path of a field of `run` or its tail: `{"learning_rate": [0.1, 0.01],
            "seed": range(8)}`.
        folder: where it is recorded as `fnn sweep` records it: tables and figures (which need
            pandas, pyarrow and matplotlib), models, and the result, with the best setting measured
            once on the test rows. Of a `Batch`, which has no preprocessing to be kept with a model
            and no test rows, it holds what the sweep is resumed from, and no more.
        models: of how many of the best members the folder holds models, as runs.
        how, draws, own_order, metric: see `fnn.sweeps.sweep.sweep`.
        keep: how many members keep their parameters: one by default; with a `folder`, all if they
            take little memory, else `models`.
        epochs, seed, order_seed, target_scale, loggers, stop, devices, memory: see
            `fnn.training.MemberOptions`; `epochs` is required.

    The same call resumes one that was interrupted. Raises `FnnError` for any other folder that
    exists already, save an empty one, and what `fnn.sweeps.sweep.sweep` raises.

    >>> import fnn
    >>> run = fnn.Run(fnn.Objective(fnn.mlp([8], 3), "cross_entropy"), "adam", batch_size=32)
    >>> result = fnn.sweep(run, "iris", over={"learning_rate": [0.001, 0.03]}, epochs=5)
    >>> result.best().settings
    {'learning_rate': 0.03}
    """
    check_options(sweep, options, SweepOptions)
    if folder is None or isinstance(data, Batch):
        return sweep_fields(run, data, validation, over=over, folder=folder, **options)
    check_loggers(options.get("loggers", ()))
    check_libraries()
    prepared = as_prepared(data)
    names = ("how", "draws", "seed", "order_seed", "own_order")
    values: Mapping[str, Any] = options
    axes = {name: value for name, value in values.items() if name in names}
    rest = {name: value for name, value in values.items() if name not in names}
    planned = members(run, over, **axes)
    rest.setdefault("keep", members_to_keep(planned, prepared, models))
    recorder = None
    if is_primary_process():
        rows = python_data_record(data, prepared, FRACTIONS, 0)
        recorder = _recorder(os.fspath(folder), planned, prepared, rows, models)

    def train() -> SweepResult:
        result: SweepResult = sweep_members(planned, prepared, validation, folder=folder, **rest)
        return result

    return record(recorder, lambda: measured(train(), prepared))[0]


def _recorder(
    folder: str, planned: list[Member], prepared: Prepared, rows: Record, models: int
) -> SweepRecorder:
    first, origin = planned[0], member_origin("fnn.sweep", rows)
    adapter = SweepAdapter(origin(first), first.run, prepared, origin, models)
    sweep_folder = create_or_resume(SweepFolder, folder, "sweep.json")
    resumed = (sweep_folder.path / "config.json").is_file()
    return SweepRecorder(sweep_folder, adapter, resumed=resumed)
