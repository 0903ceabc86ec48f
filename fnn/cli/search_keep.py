"""A search with its folder: what it goes on by, and what is kept in the end."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnn.cli.options.axes import build_run, of_member
from fnn.cli.options.config_file import to_argv
from fnn.cli.options.option import option_errors
from fnn.cli.output.search import print_batch, print_rung, print_search
from fnn.cli.process.signals import note_folder, stop_on_signals
from fnn.cli.recorder import seconds_before, with_absolute_paths, write_config
from fnn.cli.test_protocol import Tested, as_run, best_setting, headlines, tested
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.cli.commands.search import SearchCommand as Options
    from fnn.cli.process.signals import StopRequest
    from fnn.data import Prepared
    from fnn.runs import RunFolder
    from fnn.search import SearchResult
    from fnn.sweeps import Range

    Axes = Mapping[str, Sequence[Any] | Range]


def search_and_keep(options: Options, prepared: Prepared, began: float) -> int:
    """Search, record it in a folder if that is wanted, and print what came of it.

    The exit status is 130 where Ctrl-C ended it before its time, 143 where SIGTERM did. Raises
    `FnnError` where every trial diverged.
    """
    with _folder(options, prepared) if options.save else nullcontext() as folder:
        if folder is not None:
            note_folder(folder.path)
        errors = option_errors(options, options.training, options.machine, data=options.data)
        with errors, stop_on_signals() as stop:
            made = _search(options, prepared, folder, stop)
        test = tested(made, prepared) if made.interrupted is None else None
        if folder is not None and made.outcomes:
            _write_trials(folder, options, made, prepared.dataset.name)
        if folder is not None and test is not None:
            _write_best(folder, options, made, prepared)
        if folder is not None:
            _write_result(folder, made, prepared, test, began)
    print_search(options, made, test, prepared, began, None if folder is None else folder.path)
    if made.interrupted is not None:
        return 128 + made.interrupted
    if test is None:
        raise FnnError("every trial diverged: lower rates, or --clip-norm 1, may help")
    return 0


def _search(
    options: Options, prepared: Prepared, folder: RunFolder | None, stop: StopRequest
) -> SearchResult:
    from fnn import search
    from fnn.cli.commands.search import ETA
    from fnn.runs.search import storage

    shared: dict[str, Any] = {
        "over": options.axes,
        "epochs": options.training.length(len(prepared.train.target)),
        "metric": options.metric,
        "seed": options.training.seed,
        "order_seed": options.training.order_seed,
        "memory": options.memory,
        "devices": options.machine.devices,
        "stop": stop,
    }
    build = partial(build_run, options.single_run_options, prepared)
    if options.method == "halving":
        return search.halving(
            build,
            prepared,
            draws=options.tries,
            eta=ETA if options.eta is None else options.eta,
            loggers=[print_rung],
            **shared,
        )
    first = _grid(shared["over"]) if options.method == "grid" else []
    return search.bayes(
        build,
        prepared,
        trials=len(first) or options.tries,
        batch=options.at_a_time,
        first=first,
        sampler=_at_random if options.method == "random" else None,
        storage=None if folder is None else storage(folder.path),
        loggers=[print_batch],
        **shared,
    )


def _at_random(seed: int) -> Any:
    import optuna

    return optuna.samplers.RandomSampler(seed)


def _grid(axes: Axes) -> list[dict[str, Any]]:
    """All combinations of listed values."""
    from fnn.sweeps import Range

    for name, axis in axes.items():
        if isinstance(axis, Range):
            raise FnnError(
                f"a range, and a grid needs values: say how many, such as {name}="
                f"{axis.low:g}:{axis.high:g}:{'log:' if axis.log else ''}8",
                f"--over {name}",
            )
    lists = [axis for axis in axes.values() if not isinstance(axis, Range)]
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*lists)]


def _folder(options: Options, prepared: Prepared) -> RunFolder:
    from fnn.files import write_json
    from fnn.runs import folder_name
    from fnn.runs.folder import FORMAT, now
    from fnn.runs.search import SearchFolder

    if options.resume is not None:
        return SearchFolder.resume(options.resume)
    folder = SearchFolder.create(options.out, name=f"{folder_name(options.data)}-search")
    whole = with_absolute_paths(options)
    record = {
        "format": FORMAT,
        "command": ["fnn", "search", *to_argv(whole)],
        "options": dataclasses.asdict(whole),
        "data": {"name": prepared.dataset.name},
        "started": now(),
    }
    write_json(folder.path / "search.json", record)
    return folder


def _write_trials(folder: RunFolder, options: Options, made: SearchResult, title: str) -> None:
    """The trials as a table, and the figures."""
    from fnn.files import write_bytes
    from fnn.sweeps.export import plain_frame

    table = plain_frame(made).rename_axis("trial")
    write_bytes(folder.path / "trials.csv", table.to_csv().encode())
    if options.figures:
        _draw(folder.path, options, made, title)


def _draw(folder: Path, options: Options, made: SearchResult, title: str) -> None:
    from fnn import figures
    from fnn.figures.sweeps.panels import varied_names
    from fnn.sweeps.member_result import is_higher

    settings, metric = made.settings(), made.metric
    if varied_names(settings):
        figures.sweep(settings, folder / "settings.png", metric=metric, every=True, title=title)
    if made.rungs:
        histories = [outcome.history[metric] for outcome in made.outcomes]
        rungs = [rung.epochs for rung in made.rungs[:-1]]
        figures.halving(histories, rungs, folder / "search.png", metric=metric, title=title)
        return
    figures.search(
        [float("nan") if o.status == "diverged" else o.values[metric] for o in made.outcomes],
        folder / "search.png",
        metric=metric,
        higher=is_higher(metric),
        batch=options.at_a_time,
        title=title,
    )


def _write_best(
    folder: RunFolder, options: Options, made: SearchResult, prepared: Prepared
) -> None:
    """The best as the folder of a run."""
    from fnn.model import Model, save

    best = made.best().members[0]
    write_config(
        folder, of_member(options.single_run_options, best.member)[0], best.member.run, prepared
    )
    save(Model.of_member(best, prepared), folder.model_path)


def _write_result(
    folder: RunFolder, made: SearchResult, prepared: Prepared, test: Tested | None, began: float
) -> None:
    """How it ended, with the metrics of the best, or of the best so far."""
    setting = best_setting(made)
    best = None if setting is None else setting.members[0]
    ended = "diverged" if best is None else best.status.replace("retired", "finished")
    folder.write_result(
        ended if made.interrupted is None else "interrupted",
        metric=headlines(made)[0],
        test=None if test is None else test.means,
        test_rows=0 if prepared.test is None else len(prepared.test.target),
        seconds=seconds_before(folder) + time.perf_counter() - began,
        **as_run(best),
        trials=len(made.outcomes),
        spent=made.spent,
        compared_by=made.metric,
    )
