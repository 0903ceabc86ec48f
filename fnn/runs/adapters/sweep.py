"""The folder of a sweep: tables, and the best members as the folders of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fnn.data import Prepared
from fnn.model import save_best
from fnn.runs.adapters.member import write_member_result
from fnn.runs.folder import RunFolder
from fnn.runs.origin import MemberOrigin, Origin
from fnn.runs.recorder import Adapter, Recorder
from fnn.sweeps import SweepResult
from fnn.sweeps.export import draw
from fnn.sweeps.test_protocol import (
    MeasuredSetting,
    best_setting,
    setting_means,
    sweep_headlines,
    validation_metrics,
)
from fnn.training import Run

MeasuredSweep: TypeAlias = tuple[SweepResult, MeasuredSetting | None]


@dataclass
class SweepAdapter(Adapter[MeasuredSweep]):
    """Tables of the members; models of the best `models`, once the sweep has ended.

    `member_origin` gives the origin of a member as a run by itself. The members as they end, which
    the sweep is resumed from, are written by the sweep's own store.
    """

    origin: Origin
    run: Run
    prepared: Prepared
    member_origin: MemberOrigin
    models: int = 3

    def begin(self, folder: RunFolder) -> None:
        self.origin.write_config(folder, self.run, self.prepared)

    def write_models(self, folder: RunFolder, result: MeasuredSweep) -> None:
        sweep, _ = result
        if sweep.outcomes:
            sweep.save(folder.path, figures=False)
        if sweep.interrupted is None:
            self._write_best(folder, sweep)

    def _write_best(self, folder: RunFolder, sweep: SweepResult) -> None:
        paths = save_best(sweep, self.prepared, folder.path, self.models)
        kept = [member for member in sweep.ranked() if member.params is not None]
        for path, best in zip(paths, kept, strict=False):
            single = RunFolder(path)
            origin = self.member_origin(best.member)
            origin.write_config(single, best.member.run, self.prepared)
            write_member_result(single, best, sweep_headlines(sweep)[0])

    def write_result(self, folder: RunFolder, result: MeasuredSweep, seconds: float) -> None:
        sweep, test = result
        best = best_setting(sweep)
        status = "diverged" if best is None else "finished"
        folder.write_result(
            status if sweep.interrupted is None else "interrupted",
            epochs=max((member.epochs for member in sweep.outcomes), default=0),
            best_epoch=None,
            metric=sweep_headlines(sweep)[0],
            validation=None if best is None else validation_metrics(setting_means(best)),
            test=None if test is None else test.means,
            test_rows=self.prepared.test_count,
            seconds=seconds,
            best=None if best is None else best.settings,
            members=sweep.members,
            trained=len(sweep.outcomes),
            compared_by=sweep.metric,
            wasted=sweep.wasted,
            compile_seconds=sweep.compile_seconds,
        )

    def draw(self, folder: RunFolder, result: MeasuredSweep) -> None:
        sweep, _ = result
        if sweep.outcomes:
            draw(sweep, folder.path, self.prepared.dataset.name)


SweepRecorder = Recorder[MeasuredSweep]
