"""From a run and data to an ensemble, with or without the folder of a run."""

from __future__ import annotations

import os
import shutil
from typing import Unpack

from fnn import ensembles
from fnn.api.options import Data
from fnn.api.recorded import (
    check_can_draw,
    check_no_batch,
    create_or_resume,
    loggers_of,
    python_origin,
    record,
)
from fnn.data.splits import FRACTIONS
from fnn.ensembles import EnsembleResult
from fnn.objective import Batch
from fnn.runs.adapters.ensemble import EnsembleAdapter, EnsembleRecorder
from fnn.runs.folder import RunFolder
from fnn.runs.kinds import STORE
from fnn.runs.source import python_data_record
from fnn.training.checks import check_loggers
from fnn.training.fitting import MemberOptions, check_options
from fnn.training.parallel.collectives import is_primary_process
from fnn.training.run import Run
from fnn.training.train import as_prepared


def ensemble(
    run: Run,
    data: Data | Batch,
    validation: Batch | None = None,
    *,
    members: int = 8,
    own_order: bool = False,
    folder: str | os.PathLike[str] | None = None,
    **options: Unpack[MemberOptions],
) -> EnsembleResult:
    """Train `run` from `members` seeds as one program, and average their predictions.

    Arguments:
        run: what every member trains; its metrics are measured of the mean.
        data, validation: what `fnn.train` takes, or a `Batch` and a `Batch` to validate.
        members: how many, of the seeds `seed`, `seed` + 1, …
        own_order: whether each member has an order of batches of its own.
        folder: where it is recorded as `fnn train --members` records it: one model, a record of
            each member, the result, the figures (which need matplotlib).
        epochs, seed, order_seed, target_scale, loggers, stop, devices, memory: see
            `fnn.training.MemberOptions`; `epochs` is required.

    The same call resumes one that was interrupted. Raises `FnnError` for any other folder that
    exists already, `SpecError` for a `Batch` with a `folder` (it has no preprocessing to be kept
    with a model), and what `fnn.ensembles.ensemble` raises.

    >>> import fnn
    >>> run = fnn.Run(fnn.Objective(fnn.mlp([8], 3), "cross_entropy"), "adam", batch_size=32)
    >>> result = fnn.ensemble(run, "iris", members=4, epochs=2)
    >>> len(result.members)
    4
    """
    check_options(ensemble, options, MemberOptions)
    if folder is None:
        return ensembles.ensemble(
            run, data, validation, members=members, own_order=own_order, **options
        )
    check_no_batch(data)
    loggers = options.get("loggers", ())
    check_loggers(loggers)
    check_can_draw(True)
    prepared = as_prepared(data)
    store = os.path.join(folder, STORE)
    recorder = None
    if is_primary_process():
        seeds = {"seed": options.get("seed", 0), "order_seed": options.get("order_seed", 0)}
        rows = python_data_record(data, prepared, FRACTIONS, 0)
        origin = python_origin("fnn.ensemble", rows, **seeds)
        run_folder = create_or_resume(RunFolder, folder, f"{STORE}/sweep.json")
        recorder = EnsembleRecorder(run_folder, EnsembleAdapter(origin, run, prepared, members))
        options["loggers"] = loggers_of(recorder, *loggers)
    result = record(
        recorder,
        lambda: ensembles.ensemble(
            run, prepared, validation, members=members, own_order=own_order, folder=store, **options
        ),
    )
    if recorder is not None and result.interrupted is None:
        shutil.rmtree(store)
    return result
