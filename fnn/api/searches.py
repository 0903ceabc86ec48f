"""From a space and data to the best setting, with or without the folder of the search."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Unpack

from fnn import search
from fnn.api.options import Data
from fnn.api.recorded import (
    check_can_draw,
    check_no_batch,
    create_or_resume,
    member_origin,
    python_origin,
    record,
)
from fnn.data import Prepared
from fnn.data.splits import FRACTIONS
from fnn.runs.adapters.search import SearchAdapter, SearchRecorder
from fnn.runs.kinds import HALVING
from fnn.runs.search import SearchFolder, storage
from fnn.runs.source import python_data_record
from fnn.search import SearchResult
from fnn.search.space import Build
from fnn.search.study import Sampler
from fnn.sweeps.axes import Axis, Settings
from fnn.sweeps.export import check_libraries
from fnn.sweeps.test_protocol import measured
from fnn.training.fitting import MemberOptions, check_options
from fnn.training.run import Run
from fnn.training.train import as_prepared


class BayesOptions(MemberOptions, total=False):
    """Further arguments of `fnn.search.bayes`."""

    metric: str | None
    first: Sequence[Settings]
    sampler: Sampler | None


class HalvingOptions(MemberOptions, total=False):
    """Further arguments of `fnn.search.halving`."""

    metric: str | None
    eta: int
    rungs: Sequence[int] | None
    keep: int | None


def bayes(
    run: Run | Build,
    data: Data,
    *,
    over: Mapping[str, Axis],
    trials: int = 256,
    batch: int = 32,
    folder: str | os.PathLike[str],
    **options: Unpack[BayesOptions],
) -> SearchResult:
    """`fnn.search.bayes`, recorded in a folder as `fnn search` records it.

    Arguments:
        data: whatever `fnn.train` takes.
        folder: holds what the search is resumed from, the trials as a table, the best one as a run
            that is measured once on the test rows, the result and the figures (which need pandas,
            pyarrow and matplotlib).

    The other arguments are those of `fnn.search.bayes`, which needs no folder; `epochs` is
    required. The same call resumes the search. Raises `FnnError` for any other folder that exists
    already, save an empty one, `SpecError` for a `Batch`, and what `fnn.search.bayes` raises.

        over = {"learning_rate": fnn.sweeps.Range(1e-4, 1e-1, log=True)}
        fnn.api.bayes(run, "digits", over=over, trials=64, epochs=20, folder="runs/search-1")
    """
    check_options(bayes, options, BayesOptions)

    def train(path: Path, prepared: Prepared) -> SearchResult:
        return search.bayes(
            run,
            prepared,
            over=over,
            trials=trials,
            batch=batch,
            storage=storage(path),
            **options,
        )

    return _recorded("fnn.api.bayes", data, folder, batch, train)


def halving(
    run: Run | Build,
    data: Data,
    *,
    over: Mapping[str, Axis],
    draws: int,
    folder: str | os.PathLike[str],
    **options: Unpack[HalvingOptions],
) -> SearchResult:
    """`fnn.search.halving`, recorded in a folder as `fnn search --method halving` records it.

    Arguments, errors and the folder are those of `bayes`, but successive halving keeps nothing to
    be resumed from: a folder that exists already is refused (`FnnError`), an empty one too.
    """
    check_options(halving, options, HalvingOptions)

    def train(path: Path, prepared: Prepared) -> SearchResult:
        return search.halving(run, prepared, over=over, draws=draws, **options)

    return _recorded(HALVING, data, folder, draws, train)


def _recorded(
    call: str,
    data: Data,
    folder: str | os.PathLike[str],
    batch: int,
    train: Callable[[Path, Prepared], SearchResult],
) -> SearchResult:
    check_no_batch(data)
    check_libraries()
    check_can_draw(True)
    prepared = as_prepared(data)
    rows = python_data_record(data, prepared, FRACTIONS, 0)
    if call == HALVING:
        search_folder = SearchFolder.create(folder)
    else:
        search_folder = create_or_resume(SearchFolder, os.fspath(folder), "search.json")
    adapter = SearchAdapter(python_origin(call, rows), prepared, member_origin(call, rows), batch)
    resumed = (search_folder.path / "search.json").is_file()
    recorder = SearchRecorder(search_folder, adapter, resumed=resumed)
    return record(recorder, lambda: measured(train(search_folder.path, prepared), prepared))[0]
