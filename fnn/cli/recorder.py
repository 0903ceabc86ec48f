"""A run with its folder: what is recorded on the way, and what is kept in the end."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fnn.cli.options.config_file import digest, to_argv
from fnn.cli.options.option import option_errors
from fnn.cli.output.run import EpochTable, headlines, print_result
from fnn.cli.process.signals import stop_on_signals
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.cli.commands.search import SearchCommand
    from fnn.cli.commands.sweep import SweepCommand
    from fnn.cli.commands.train import TrainCommand
    from fnn.data import Prepared
    from fnn.runs import RunFolder
    from fnn.training import Logger, Run, TrainingEvent
    from fnn.training.train import TrainResult

T = TypeVar("T", "TrainCommand", "SweepCommand", "SearchCommand")
"""options of a command that takes data"""


def train_and_keep(options: TrainCommand, run: Run, prepared: Prepared, began: float) -> int:
    """Train, record it in a folder if that is wanted, and print what came of it.

    The exit status is 130 where Ctrl-C ended it before its time, 143 where SIGTERM did.
    """
    from fnn.runs import RunFolder

    if not options.save:
        made, error = _train(options, run, prepared, ())
        print_result(made, began, None)
    else:
        with RunFolder.create(options.out, name=options.data) as folder:
            write_config(folder, options, run, prepared)
            made, error = _train(options, run, prepared, [lambda event: _record(folder, event)])
            _write_result(folder, made, began, options.figures)
        print_result(made, began, folder.path)
    if error is not None:
        raise error
    return 0 if made.interrupted is None else 128 + made.interrupted


def _train(
    options: TrainCommand, run: Run, prepared: Prepared, loggers: Sequence[Logger]
) -> tuple[TrainResult, FnnError | None]:
    """What came of it; a loss that left the finite numbers is an error to raise afterwards."""
    from fnn.training import DivergedError, Progress
    from fnn.training.train import train_run, with_metrics

    epochs = options.training.length(len(prepared.train.target))
    bar = Progress()
    errors = option_errors(options.training, options.machine)
    with contextlib.closing(bar), errors, stop_on_signals() as stop:
        try:
            made = train_run(
                run,
                prepared,
                epochs=epochs,
                seed=options.training.seed,
                order_seed=options.training.order_seed,
                loggers=(*loggers, EpochTable(epochs), bar),
                stop=stop,
                devices=options.machine.spread_over,
            )
        except DivergedError as error:
            return with_metrics(error.fit, prepared), error
    return made, None


def _record(folder: RunFolder, event: TrainingEvent) -> None:
    for row in event.ended:
        folder.append({**row, "seconds": round(event.seconds, 3)})


def write_config(folder: RunFolder, options: TrainCommand, run: Run, prepared: Prepared) -> None:
    """Record what repeats the run."""
    from fnn.network_summary import parameter_count
    from fnn.shapes import shape

    options = with_absolute_paths(options)
    one = parameter_count(run.objective.net, shape(*prepared.preprocessing.in_shape))
    folder.write_config(
        command=["fnn", "train", *to_argv(options)],
        options=dataclasses.asdict(options),
        run=run,
        **data_and_seeds(options, prepared),
        parameters=(options.members or 1) * one,
    )


def data_and_seeds(options: TrainCommand, prepared: Prepared) -> dict[str, Any]:
    """What a config.json says of the rows, and of all that is drawn."""
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    return {
        "data": {
            "name": prepared.dataset.name,
            "sha256": digest(options),
            "rows": {name: len(part.target) for name, part in parts.items() if part is not None},
            "notes": list(prepared.preprocessing.notes),
        },
        "seeds": {
            "seed": options.training.seed,
            "order_seed": options.training.order_seed,
            "split_seed": options.split.split_seed,
        },
    }


def seconds_before(folder: RunFolder) -> float:
    """What earlier calls took, as their result.json tells; a damaged one is written anew."""
    from fnn.files import field

    try:
        result = folder.result or {"seconds": 0}
        return float(field(result, "seconds", int | float, folder.path / "result.json"))
    except FnnError as error:
        print(f"note: {error}: it is written anew, without the seconds of earlier calls")
        return 0.0


def with_absolute_paths(options: T) -> T:
    """The options as they are recorded: paths that hold from any folder, no single process."""
    from fnn.data import NAMES

    def whole(path: str | None) -> str | None:
        return None if path is None else str(Path(path).expanduser().resolve())

    file = dataclasses.replace(
        options.file, test=whole(options.file.test), data_dir=whole(options.file.data_dir)
    )
    data = options.data if options.data in NAMES else str(whole(options.data))
    made: T = dataclasses.replace(options, data=data, file=file, machine=options.machine.together)
    return made


def _write_result(folder: RunFolder, made: TrainResult, began: float, figures: bool) -> None:
    from fnn.model import Model, save

    save(Model.of(made), folder.model_path)
    assert made.prepared.test is not None
    selection = made.run.selection
    folder.write_result(
        made.status,
        epochs=int(made.run_state.epoch),
        best_epoch=None if made.best is None else made.best.epoch,
        metric=headlines(made)[0],
        validation=made.validation,
        test=made.test,
        test_rows=len(made.prepared.test.target),
        seconds=time.perf_counter() - began,
        selected_by=None if selection is None else selection.metric,
        timing=made.timing._asdict(),
    )
    if figures:
        from fnn.cli.figures import draw

        draw(folder.path, made)
