"""The folder of an ensemble: one model of several networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fnn.data import Prepared
from fnn.ensembles import EnsembleResult
from fnn.model import Model, save
from fnn.runs.figures import draw_members, draw_run
from fnn.runs.folder import Record, RunFolder
from fnn.runs.origin import Origin
from fnn.runs.recorder import Adapter, Recorder
from fnn.sweeps.test_protocol import headline_metrics
from fnn.training import Run, TrainingEvent
from fnn.training.host.history import records


@dataclass
class EnsembleAdapter(Adapter[EnsembleResult]):
    """Epochs as means over the `members`; a record of each.

    During training the means are over the members that are finite; at the end they are replaced by
    those over the members that are in the ensemble. Where not all members fit into memory together,
    no epoch has its mean before the last of them.
    """

    origin: Origin
    run: Run
    prepared: Prepared
    members: int
    epochs: int = 0
    """of which there is a line"""

    def begin(self, folder: RunFolder) -> None:
        self.origin.write_config(folder, self.run, self.prepared, networks=self.members)
        folder.write_history([])  # not before: it is config.json that tells a run from other files

    def begin_again(self, folder: RunFolder) -> None:
        folder.write_history([])
        folder.remove_result()

    def rows(self, event: TrainingEvent) -> Iterable[Mapping[str, float]]:
        members, epoch = event.members, int(event.epoch)
        if members is None or not members.history or len(members.history["loss"]) < members.total:
            return []
        since = slice(self.epochs, epoch)
        means = {name: _mean(values[:, since]) for name, values in members.history.items()}
        rows = records(means, self.epochs + 1)
        self.epochs = epoch
        return [row for row in rows if np.isfinite(row["loss"])]

    def write_models(self, folder: RunFolder, result: EnsembleResult) -> None:
        if result.history:
            folder.write_history(records(result.history, 1))
        save(Model.of(result), folder.model_path)

    def write_result(self, folder: RunFolder, result: EnsembleResult, seconds: float) -> None:
        assert result.prepared is not None
        selection = result.run.selection
        folder.write_result(
            _status(result),
            epochs=max(member.epochs for member in result.members),
            best_epoch=None,
            metric=headline_metrics(result.run.metric_names)[0],
            validation=result.validation,
            test=result.test,
            test_rows=result.prepared.test_count,
            seconds=seconds,
            selected_by=None if selection is None else selection.metric,
            members=_member_records(result),
            left_out=[member._asdict() for member in result.left_out],
        )

    def draw(self, folder: RunFolder, result: EnsembleResult) -> None:
        draw_run(folder.path, result)
        if result.test is not None:
            draw_members(folder.path, result)


EnsembleRecorder = Recorder[EnsembleResult]


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the members that have a finite value; NaN where none has."""
    finite = np.isfinite(values)
    total = np.where(finite, values, 0).sum(axis=0)
    empty = np.full(len(total), np.nan)
    return np.divide(total, finite.sum(axis=0), empty, where=finite.any(axis=0))


def _status(result: EnsembleResult) -> Literal["interrupted", "stopped early", "finished"]:
    if result.interrupted is not None:
        return "interrupted"
    early = all(member.status == "stopped early" for member in result.members)
    return "stopped early" if early else "finished"


def _member_records(result: EnsembleResult) -> list[Record]:
    unmeasured = [None] * len(result.members)
    each = (result.each_validation or unmeasured, result.each_test or unmeasured)
    return [
        {
            "seed": member.member.seed,
            "status": member.status,
            "epochs": member.epochs,
            "best_epoch": member.best_epoch,
            "validation": validation,
            "test": test,
        }
        for member, validation, test in zip(result.members, *each, strict=True)
    ]
