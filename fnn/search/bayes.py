"""Bayesian search: each batch of settings, one program, is chosen by the results of the others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from fnn.objective import Batch
from fnn.search.problem import SearchProblem
from fnn.search.result import SearchResult
from fnn.search.space import Build
from fnn.search.study import Sampler, study
from fnn.search.trials import Trials
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, Settings
from fnn.training.checks import check_counts
from fnn.training.fitting import MemberFitting, MemberOptions, check_options
from fnn.training.run import Run


def bayes(
    run: Run | Build,
    data: Any,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    trials: int = 256,
    batch: int = 32,
    metric: str | None = None,
    first: Sequence[Settings] = (),
    sampler: Sampler | None = None,
    storage: str | os.PathLike[str] | None = None,
    **options: Unpack[MemberOptions],
) -> SearchResult:
    """Try `trials` settings, `batch` at a time, each batch chosen by Optuna from those before it.

    The settings of a batch whose runs have one structure are trained as one program. Where a batch
    holds several structures, programs come in few sizes, so that later batches find them compiled.
    A setting that diverges is recorded as pruned, and counts as worst.

    Arguments:
        run: what is varied, or a function from settings to the run that they make, for names that
            are no fields of a run: `lambda s: fnn.Run(…, fnn.mlp(s["hidden"], 10), …)`.
        over: what may be chosen, by name: `Range(low, high)`, perhaps of its logarithm or of
            whole numbers, or values of any kind (widths as tuples, names, specs), which have no
            order for the sampler.
        metric: what is to be best: one of those validated; None for what the run selects by, else
            the validation loss. Accuracy and the like are maximized.
        first: settings to begin with, such as defaults; names they lack are drawn.
        sampler: an Optuna sampler from a seed, such as `optuna.samplers.RandomSampler`; None for
            the tree-structured Parzen estimator (`tpe`).
        storage: a file for the study: SQLite if it ends in .db or .sqlite, else Optuna's journal,
            which is several times as fast. The same call resumes where it stopped, or was killed:
            what was recorded is not tried again, what was proposed is tried first. The parameters
            of the best lie beside it, in a file that ends in .npz.
        seed, order_seed: of all members; `seed` draws settings too.
        loggers: called with a `TrainingEvent` after each batch.

    The other arguments are those of `fnn.sweep`, but `devices` are those of one process.

    The same seed gives the same settings and results, and a search that was interrupted has the
    result that it would have had, as far as training is reproducible: on one kind of machine with
    one version of JAX and Optuna, and programs of the same sizes (`memory`). Another `batch` gives
    other settings.

    `stop` ends it within about half a second: settings that have ended are recorded, the rest of
    the batch is not.

    Raises `SpecError` for arguments that can't be used, with the axis, `FnnError` with the path for
    a storage that holds another search, is in use, locked or damaged, `FnnError` where Optuna is
    not installed, and for data what `fnn.sweep` raises.
    """
    check_options(bayes, options, MemberOptions)
    check_counts(1, trials=trials, batch=batch)
    if sampler is not None and not callable(sampler):
        raise SpecError(
            "expected a function from a seed to an Optuna sampler, such as "
            f"optuna.samplers.RandomSampler, got {sampler!r}",
            "sampler",
        )
    fitting = MemberFitting[Run | Build, Any](run, data, validation, **options)
    problem = SearchProblem.of(fitting, over, metric, together=batch)
    path = None if storage is None else Path(storage)
    loop = fitting.loop(problem.data.mesh)
    with study(problem, path, sampler, first) as known:
        search = Trials(problem, known, path)
        while len(search.outcomes) < trials and not loop.interrupted:
            done = len(search.outcomes)
            proposals = known.ask(min(batch - done % batch, trials - done))
            loop.ask()
            if loop.interrupted:
                break
            loop.interrupted = search.run_batch(proposals, batch)
            loop.send(partial(search.event, trials))
            loop.ask()
    return search.result(trials, loop.interrupted)
