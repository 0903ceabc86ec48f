"""From a run and data to an ensemble, with or without the folder of a run."""

from __future__ import annotations

import os
import shutil
from typing import Unpack

from fnn import ensembles
from fnn.api.options import Data
from fnn.api.recorded import check_can_draw, create_or_resume, is_recorder, record
from fnn.data.splits import FRACTIONS
from fnn.ensembles import EnsembleResult
from fnn.objective import Batch
from fnn.runs.adapters.ensemble import EnsembleAdapter, EnsembleRecorder
from fnn.runs.folder import RunFolder
from fnn.runs.origin import Origin
from fnn.runs.source import python_data_record
from fnn.spec import SpecError
from fnn.training.checks import check_loggers
from fnn.training.fitting import MemberOptions, check_options
from fnn.training.run import Run
from fnn.training.train import as_prepared

STORE = ".members"
"""in the folder of an ensemble under way: what it is resumed from"""


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

    `fnn.ensembles.ensemble` says what its arguments are, and what an ensemble is. With a `folder`
    it is recorded there as `fnn train --members` records it: one model, a record of each member,
    the result, the figures (which need matplotlib). The same call resumes one that was interrupted;
    any other folder that exists already is refused (`FnnError`).

    A `Batch` has no preprocessing to be kept with a model: it is refused with a `folder`
    (`SpecError`).
    """
    check_options(ensemble, options, MemberOptions)
    if folder is None:
        return ensembles.ensemble(
            run, data, validation, members=members, own_order=own_order, **options
        )
    if isinstance(data, Batch):
        raise SpecError("records data with their preprocessing, got a fnn.Batch", "folder")
    loggers = options.get("loggers", ())
    check_loggers(loggers)
    check_can_draw(True)
    prepared = as_prepared(data)
    store = os.path.join(folder, STORE)
    recorder = None
    if is_recorder():
        seeds = {"seed": options.get("seed", 0), "order_seed": options.get("order_seed", 0)}
        rows = python_data_record(data, prepared, FRACTIONS, 0)
        origin = Origin(None, None, rows, seeds | {"split_seed": 0}, "fnn.ensemble")
        run_folder = create_or_resume(RunFolder, folder, f"{STORE}/sweep.json")
        run_folder.write_history([])
        recorder = EnsembleRecorder(run_folder, EnsembleAdapter(origin, run, prepared, members))
        options["loggers"] = (recorder, *loggers)
    result = record(
        recorder,
        lambda: ensembles.ensemble(
            run, prepared, validation, members=members, own_order=own_order, folder=store, **options
        ),
    )
    if recorder is not None and result.interrupted is None:
        shutil.rmtree(store)
    return result
