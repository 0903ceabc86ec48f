"""The folder of a single run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fnn.data import Prepared
from fnn.model import Model, save
from fnn.runs.figures import draw_run
from fnn.runs.folder import RunFolder
from fnn.runs.origin import Origin
from fnn.runs.recorder import Adapter, Recorder
from fnn.sweeps.test_protocol import headline_metrics
from fnn.training import Run, TrainingEvent
from fnn.training.train import TrainResult


@dataclass
class SingleRunAdapter(Adapter[TrainResult]):
    """Epochs with the seconds since the first step; one model."""

    origin: Origin
    run: Run
    prepared: Prepared

    def begin(self, folder: RunFolder) -> None:
        self.origin.write_config(folder, self.run, self.prepared)

    def rows(self, event: TrainingEvent) -> Iterable[Mapping[str, float]]:
        return [{**row, "seconds": round(event.seconds, 3)} for row in event.ended]

    def write_models(self, folder: RunFolder, result: TrainResult) -> None:
        save(Model.of(result), folder.model_path)

    def write_result(self, folder: RunFolder, result: TrainResult, seconds: float) -> None:
        selection = result.run.selection
        folder.write_result(
            result.status,
            epochs=int(result.run_state.epoch),
            best_epoch=None if result.best is None else result.best.epoch,
            metric=headline_metrics(result.run.metric_names)[0],
            validation=result.validation,
            test=result.test,
            test_rows=result.prepared.test_count,
            seconds=seconds,
            selected_by=None if selection is None else selection.metric,
            timing=result.timing._asdict(),
        )

    def draw(self, folder: RunFolder, result: TrainResult) -> None:
        draw_run(folder.path, result)


RunRecorder = Recorder[TrainResult]
