"""The folder of a single run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fnn.data import Prepared
from fnn.model import Model, save
from fnn.runs.checkpoints import Resumed, check_same_run, load_snapshot, save_snapshot
from fnn.runs.figures import draw_run
from fnn.runs.folder import RunFolder
from fnn.runs.origin import Origin
from fnn.runs.recorder import Adapter, Recorder
from fnn.sweeps.test_protocol import headline_metrics
from fnn.training import History, Run, Snapshot, TrainingEvent
from fnn.training.host.history import records
from fnn.training.train import TrainResult


@dataclass
class SingleRunAdapter(Adapter[TrainResult]):
    """Epochs with the seconds since the first step; checkpoints; one model.

    devices: how many share each batch.
    seconds: of each epoch that has ended.
    """

    origin: Origin
    run: Run
    prepared: Prepared
    devices: int = 1
    seconds: list[float] = field(default_factory=list)
    history: History = field(default_factory=dict)
    """of a run that is resumed, up to there"""

    def begin(self, folder: RunFolder) -> None:
        self.origin.write_config(folder, self.run, self.prepared, devices=self.devices)

    def load(self, folder: RunFolder, allow_different: bool = False) -> Resumed:
        """Where the run in a folder stands; nothing is written.

        Raises `FnnError` for another run, and for what `load_snapshot` and `check_same_run` refuse.
        """
        check_same_run(folder, self.origin, self.run, allow_different)
        resumed = load_snapshot(
            folder, self.run, self.prepared, devices=self.devices, allow_different=allow_different
        )
        self.seconds = list(resumed.seconds)
        self.history = {} if resumed.snapshot is None else resumed.snapshot.history
        return resumed

    def begin_again(self, folder: RunFolder) -> None:
        """Write its epochs up to the checkpoint anew: those after it are trained again."""
        self._write_history(folder, self.history)
        config = folder.config
        if self.origin.options not in (None, config["options"]):  # such as more epochs
            self.origin.write_config(
                folder, self.run, self.prepared, devices=self.devices, started=config["started"]
            )
        folder.remove_result()

    def write_epochs(self, folder: RunFolder, result: TrainResult) -> None:
        self._write_history(folder, result.history)

    def _write_history(self, folder: RunFolder, history: History) -> None:
        rows = zip(records(history, 1) if history else [], self.seconds, strict=True)
        folder.write_history([{**row, "seconds": seconds} for row, seconds in rows])

    def rows(self, event: TrainingEvent) -> Iterable[Mapping[str, float]]:
        seconds = round(event.seconds, 3)
        self.seconds += [seconds] * len(event.ended)
        return [{**row, "seconds": seconds} for row in event.ended]

    def save(self, folder: RunFolder, snapshot: Snapshot) -> None:
        """Save where the run stands."""
        save_snapshot(folder.path, snapshot, self.seconds, self.devices)

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
