"""The recorder of a run folder: of a single run, an ensemble, a sweep or a search.

All of them are recorded alike: what repeats the run before it begins, epochs as they end, models
and tables, the result, and the figures. What differs is an `Adapter`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from fnn.files import field
from fnn.runs.figures import load_library
from fnn.runs.folder import RunFolder
from fnn.spec.errors import FnnError
from fnn.training import TrainingEvent

R = TypeVar("R")
"""the result of a run"""


class Adapter(ABC, Generic[R]):
    """What sets one kind of run apart in its folder."""

    @abstractmethod
    def begin(self, folder: RunFolder) -> None:
        """Record what repeats the run."""

    def rows(self, event: TrainingEvent) -> Iterable[Mapping[str, float]]:
        """The epochs that have ended, as lines of metrics.jsonl."""
        return ()

    @abstractmethod
    def write_models(self, folder: RunFolder, result: R) -> None:
        """Write models and tables."""

    @abstractmethod
    def write_result(self, folder: RunFolder, result: R, seconds: float) -> None:
        """Write result.json."""

    @abstractmethod
    def draw(self, folder: RunFolder, result: R) -> None:
        """Draw the figures."""


class Recorder(Generic[R]):
    """Records a run in its folder; as a logger, its epochs as they end.

    Arguments:
        folder: where; `adapter`: of which kind of run.
        figures: whether to draw them.
        resumed: whether the folder has its config already.
        started: what seconds are counted from (`time.perf_counter`); None for now.

    `notes` are what the reader of the result should know. The functions of `fnn.api` make one for
    their `folder=`. A loop of your own records itself so:

        recorder = RunRecorder(RunFolder.create(), SingleRunAdapter(origin, run, prepared))
        recorder.record(lambda: train_run(run, prepared, epochs=10, loggers=[recorder]))

    Raises `FnnError` where the folder can't be written.
    """

    def __init__(
        self,
        folder: RunFolder,
        adapter: Adapter[R],
        *,
        figures: bool = True,
        resumed: bool = False,
        started: float | None = None,
    ) -> None:
        self.folder, self.adapter = folder, adapter
        self.figures, self.resumed = figures, resumed
        self.started = time.perf_counter() if started is None else started
        self.notes: list[str] = []
        self._loads_library = False

    @property
    def path(self) -> Path:
        """The folder's."""
        return self.folder.path

    def record(self, train: Callable[[], R]) -> R:
        """Call `train`, and record what it returns.

        Where it fails before anything was recorded, a folder that was created for it is removed.
        """
        with self.folder:
            self.begin()
            result = train()
            self.end(result)
        return result

    def begin(self) -> None:
        """Record what repeats the run."""
        if not self.resumed:
            self.adapter.begin(self.folder)

    def __call__(self, event: TrainingEvent) -> None:
        """Record the epochs that have ended."""
        if self.figures and not self._loads_library:
            load_library()  # beside what still is to be trained
            self._loads_library = True
        for row in self.adapter.rows(event):
            self.folder.append(row)

    def end(self, result: R) -> None:
        """Record models, the result and figures, in that order."""
        self.adapter.write_models(self.folder, result)
        seconds = self._earlier_seconds() + time.perf_counter() - self.started
        self.adapter.write_result(self.folder, result, seconds)
        if self.figures:
            self.adapter.draw(self.folder, result)

    def _earlier_seconds(self) -> float:
        """What earlier calls took, by their result.json; a damaged one is replaced."""
        try:
            result = self.folder.result or {"seconds": 0}
            return float(field(result, "seconds", int | float, self.path / "result.json"))
        except FnnError as error:
            note = f"note: {error}: it is written anew, without the seconds of earlier calls"
            self.notes.append(note)
            return 0.0
