"""fnn train --members: networks of several seeds as one program, kept as one model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.cli.options.option import option_errors
from fnn.cli.output.run import headlines, print_end, print_members
from fnn.cli.process.signals import stop_on_signals
from fnn.cli.recorder import write_config
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.cli.commands.train import TrainCommand
    from fnn.data import Prepared
    from fnn.ensembles import EnsembleResult
    from fnn.runs import RunFolder
    from fnn.training import Logger, Run, TrainingEvent


def check_members(options: TrainCommand) -> None:
    """Raises `FnnError` for fewer than 2, and for what is watched of one network alone."""
    if options.members is not None and options.members < 2:
        raise FnnError(f"expected from 2 up, got {options.members}", "--members")
    if options.members is not None and options.validation.monitor:
        raise FnnError("watches one network: it does not go with --members", "--monitor")


def train_and_keep_members(
    options: TrainCommand, run: Run, prepared: Prepared, began: float
) -> int:
    """Train them, record them in a folder if that is wanted, and print what came of it.

    The exit status is 130 where Ctrl-C ended it before its time, 143 where SIGTERM did.
    """
    from fnn.runs import RunFolder

    assert options.members is not None
    run = _measured(options, run, prepared)
    seed, members = options.training.seed, options.members
    print(f"{members} members, seeds {seed} to {seed + members - 1}", flush=True)
    folder = None
    if not options.save:
        made = _train(options, run, prepared, [])
    else:
        with RunFolder.create(options.out, name=options.data) as folder:
            write_config(folder, options, run, prepared)
            made = _train(options, run, prepared, [Recorder(folder)])
            _keep(folder, made, began, options.figures)
    print_members(made)
    print_end(began, None if folder is None else folder.path)
    return 0 if made.interrupted is None else 128 + made.interrupted


def _measured(options: TrainCommand, run: Run, prepared: Prepared) -> Run:
    """Of classes, how well calibrated they are is measured too, unless somebody says otherwise."""
    from fnn.spec import replace

    if options.validation.metrics is not None or prepared.preprocessing.classes is None:
        return run
    return replace(run, metrics=("accuracy", "ece", "brier", "nll"))


class Recorder:
    """A logger that writes down epochs as they end: means over the members that are finite.

    Where not all members fit into memory together, no epoch has its mean before the last of them.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder, self.written = folder, 0

    def __call__(self, event: TrainingEvent) -> None:
        """Write those since the last event."""
        from fnn.training.host.history import records

        members, epoch = event.members, int(event.epoch)
        if members is None or not members.history or len(members.history["loss"]) < members.total:
            return
        since = slice(self.written, epoch)
        means = {name: _mean(values[:, since]) for name, values in members.history.items()}
        for row in records(means, self.written + 1):
            if np.isfinite(row["loss"]):
                self.folder.append(row)
        self.written = epoch


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the members that have a finite value; NaN where none has."""
    there = np.isfinite(values)
    total = np.where(there, values, 0).sum(axis=0)
    return np.divide(total, there.sum(axis=0), np.full(len(total), np.nan), where=there.any(axis=0))


def _train(
    options: TrainCommand, run: Run, prepared: Prepared, loggers: Sequence[Logger]
) -> EnsembleResult:
    from fnn.ensembles import ensemble
    from fnn.training import Progress

    assert options.members is not None
    given = (options.training, options.machine)
    errors = option_errors(*given, data=options.data, **{"over.seed": "--seed"})
    with closing(Progress()) as bar, errors, stop_on_signals() as stop:
        return ensemble(
            run,
            prepared,
            members=options.members,
            epochs=options.training.length(len(prepared.train.target)),
            seed=options.training.seed,
            order_seed=options.training.order_seed,
            loggers=[*loggers, bar],
            stop=stop,
            devices=options.machine.spread_over,
        )


def _keep(folder: RunFolder, made: EnsembleResult, began: float, figures: bool) -> None:
    """Model, result and figures; rows are now means over the members that are in the ensemble."""
    from fnn.model import Model, save
    from fnn.training.host.history import records

    if made.history:
        folder.write_history(records(made.history, 1))
    save(Model.of(made), folder.model_path)
    assert made.prepared is not None and made.prepared.test is not None
    selection = made.run.selection
    folder.write_result(
        _status(made),
        epochs=max(outcome.epochs for outcome in made.members),
        best_epoch=None,
        metric=headlines(made)[0],
        validation=made.validation,
        test=made.test,
        test_rows=len(made.prepared.test.target),
        seconds=time.perf_counter() - began,
        selected_by=None if selection is None else selection.metric,
        members=_each(made),
        left_out=[member._asdict() for member in made.left_out],
    )
    if figures:
        from fnn.cli.figures import draw, draw_members

        draw(folder.path, made)
        draw_members(folder.path, made)


def _status(made: EnsembleResult) -> str:
    if made.interrupted is not None:
        return "interrupted"
    early = all(outcome.status == "stopped early" for outcome in made.members)
    return "stopped early" if early else "finished"


def _each(made: EnsembleResult) -> list[dict[str, Any]]:
    """A record a member."""
    nothing = [None] * len(made.members)
    scores = zip(made.each_validation or nothing, made.each_test or nothing, strict=True)
    return [
        {
            "seed": outcome.member.seed,
            "status": outcome.status,
            "epochs": outcome.epochs,
            "best_epoch": outcome.best_epoch,
            "validation": validation,
            "test": test,
        }
        for outcome, (validation, test) in zip(made.members, scores, strict=True)
    ]
