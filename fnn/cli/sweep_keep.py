"""A sweep with its folder: what it goes on by, and what is kept in the end."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnn.cli.options.axes import of_member
from fnn.cli.options.config_file import to_argv
from fnn.cli.options.option import option_errors
from fnn.cli.output.sweep import print_sweep
from fnn.cli.process.distributed import is_connected, is_primary_process
from fnn.cli.process.signals import note_folder, stop_on_signals
from fnn.cli.recorder import data_and_seeds, seconds_before, with_absolute_paths, write_config
from fnn.cli.test_protocol import (
    Tested,
    as_run,
    best_setting,
    headlines,
    means,
    tested,
    validation_of,
)
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn import sweeps
    from fnn.cli.commands.sweep import SweepCommand
    from fnn.data import Prepared
    from fnn.runs import RunFolder
    from fnn.training import Progress

ROOM = 2**28
"""bytes that the parameters of all members may take; of more, only those of the best are kept"""


def sweep_and_keep(
    options: SweepCommand, members: Sequence[sweeps.Member], prepared: Prepared, began: float
) -> int:
    """Train all, keep what came of them if that is wanted, and print it.

    The exit status is 130 where Ctrl-C ended it before its time, 143 where SIGTERM did. Raises
    `FnnError` where no member has anything to show. Of several processes, the first one keeps and
    prints.
    """
    from fnn.training import Progress

    with _folder(options) if options.save and is_primary_process() else nullcontext() as folder:
        if folder is not None:
            note_folder(folder.path)
            if options.resume is None:
                _write_config(folder, options, members, prepared)
        with closing(Progress(lines=True)) as bar:
            made = _train(options, members, prepared, _place(options, folder), bar)
        if not is_primary_process():
            return 0 if made.interrupted is None else 128 + made.interrupted
        test = tested(made, prepared) if made.interrupted is None else None
        if folder is not None:
            _keep(folder, options, made, prepared, test, began)
    place = None if folder is None else folder.path
    print_sweep(options, made, test, prepared, bar.size, began, place)
    if made.interrupted is not None:
        return 128 + made.interrupted
    if test is None:
        raise FnnError("every member diverged: lower rates, or --clip-norm 1, may help")
    return 0


def _folder(options: SweepCommand) -> RunFolder:
    from fnn.runs import SweepFolder, folder_name

    if options.resume is not None:
        return SweepFolder.resume(options.resume)
    return SweepFolder.create(options.out, name=f"{folder_name(options.data)}-sweep")


def _place(options: SweepCommand, folder: RunFolder | None) -> Path | None:
    """The path of the folder, which process 0 has made for all."""
    from fnn.training.parallel.collectives import broadcast_text

    if not is_connected() or not options.save:
        return None if folder is None else folder.path
    return Path(broadcast_text("" if folder is None else str(folder.path.absolute())))


def _train(
    options: SweepCommand,
    members: Sequence[sweeps.Member],
    prepared: Prepared,
    folder: Path | None,
    bar: Progress,
) -> sweeps.SweepResult:
    from fnn.sweeps.sweep import sweep_members

    errors = option_errors(options, options.training, options.machine, data=options.data)
    with errors, stop_on_signals() as stop:
        return sweep_members(
            members,
            prepared,
            epochs=options.training.length(len(prepared.train.target)),
            keep=None if _size(members, prepared) <= ROOM else options.models,
            metric=options.metric,
            memory=options.memory,
            folder=folder,
            loggers=[bar],
            stop=stop,
            devices=options.machine.spread_over,
        )


def _size(members: Sequence[sweeps.Member], prepared: Prepared) -> int:
    """Bytes of all members' parameters, about."""
    return sum(4 * _parameters(group[0], prepared) * len(group) for group in _groups(members))


def _groups(members: Sequence[sweeps.Member]) -> list[list[sweeps.Member]]:
    from fnn.sweeps.checks import groups

    return [[members[number] for number in numbers] for numbers in groups(members)]


def _parameters(member: sweeps.Member, prepared: Prepared) -> int:
    from fnn.network_summary import parameter_count
    from fnn.shapes import shape

    return parameter_count(member.run.objective.net, shape(*prepared.preprocessing.in_shape))


def _write_config(
    folder: RunFolder, options: SweepCommand, members: Sequence[sweeps.Member], prepared: Prepared
) -> None:
    whole = with_absolute_paths(options)
    folder.write_config(
        command=["fnn", "sweep", *to_argv(whole)],
        options=dataclasses.asdict(whole),
        run=members[0].run,
        **data_and_seeds(whole.single_run_options, prepared),
        parameters=_parameters(members[0], prepared),
    )


def _write_best(
    path: Path, options: SweepCommand, made: sweeps.SweepResult, prepared: Prepared
) -> None:
    """The best members, each as the folder of a run."""
    from fnn.model import save_best
    from fnn.runs import RunFolder

    places = save_best(made, prepared, path, options.models)
    kept = [outcome for outcome in made.ranked() if outcome.params is not None]
    for place, best in zip(places, kept, strict=False):
        folder, alone = RunFolder(place), of_member(options.single_run_options, best.member)[0]
        write_config(folder, alone, best.member.run, prepared)
        unmeasured: dict[str, Any] = {"test": None, "test_rows": 0, "seconds": None}
        folder.write_result(best.status, metric=headlines(made)[0], **unmeasured, **as_run(best))


def _keep(
    folder: RunFolder,
    options: SweepCommand,
    made: sweeps.SweepResult,
    prepared: Prepared,
    test: Tested | None,
    began: float,
) -> None:
    """Tables, figures, and of a sweep that came to its end the models of the best."""
    if made.outcomes:
        made.save(folder.path, figures=options.figures, title=prepared.dataset.name)
    if made.interrupted is None:
        _write_best(folder.path, options, made, prepared)
    best = best_setting(made)
    ended = "diverged" if best is None else "finished"
    folder.write_result(
        ended if made.interrupted is None else "interrupted",
        epochs=max((outcome.epochs for outcome in made.outcomes), default=0),
        best_epoch=None,
        metric=headlines(made)[0],
        validation=None if best is None else validation_of(means(best)),
        test=None if test is None else test.means,
        test_rows=0 if prepared.test is None else len(prepared.test.target),
        seconds=seconds_before(folder) + time.perf_counter() - began,
        best=None if best is None else best.settings,
        members=made.members,
        trained=len(made.outcomes),
        compared_by=made.metric,
        wasted=made.wasted,
        compile_seconds=made.compile_seconds,
    )
