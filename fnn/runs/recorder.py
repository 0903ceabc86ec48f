"""The recorder of a run folder: of a single run, an ensemble, a sweep or a search.

All of them are recorded alike: what repeats the run before it begins, epochs as they end, models
and tables, the result, and the figures. What differs is an `Adapter`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from fnn.files import exclusive_lock, explained, field
from fnn.runs.figures import load_library
from fnn.runs.folder import RunFolder
from fnn.spec.errors import FnnError
from fnn.training import Snapshot, TrainingEvent

R = TypeVar("R")
"""the result of a run"""


class Adapter(ABC, Generic[R]):
    """What sets one kind of run apart in its folder."""

    @abstractmethod
    def begin(self, folder: RunFolder) -> None:
        """Record what repeats the run."""

    def begin_again(self, folder: RunFolder) -> None:
        """Make the folder ready for a run that is resumed."""

    def rows(self, event: TrainingEvent) -> Iterable[Mapping[str, float]]:
        """The epochs that have ended, as lines of metrics.jsonl."""
        return ()

    def save(self, folder: RunFolder, snapshot: Snapshot) -> None:
        """Save where a single run stands."""

    def write_epochs(self, folder: RunFolder, result: R) -> None:
        """Write all lines of metrics.jsonl, where `write_models` does not."""

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
        self._rows: list[Mapping[str, float]] = []
        self._earlier = 0.0
        self._told = False
        self._loads_library = False

    @property
    def path(self) -> Path:
        """The folder's."""
        return self.folder.path

    def record(self, train: Callable[[], R]) -> R:
        """Call `train`, and record what it returns.

        Where it fails before anything was recorded, a folder that was created for it is removed.
        """
        busy = "another process trains in this folder: wait for its end"
        with self.folder, exclusive_lock(self.path / "config.json", busy):
            self.begin()
            result = train()
            self.end(result)
        return result

    def begin(self) -> None:
        """Record what repeats the run; of one that is resumed that is there already."""
        if self.resumed:
            self._earlier = self._earlier_seconds()
            self.adapter.begin_again(self.folder)
        else:
            self.adapter.begin(self.folder)

    def __call__(self, event: TrainingEvent) -> None:
        """Record the epochs that have ended; those that can't be written now, with the next."""
        if self.figures and not self._loads_library:
            load_library()  # beside what still is to be trained
            self._loads_library = True
        self._rows += self.adapter.rows(event)
        self._attempt(self._write_rows)

    def save(self, snapshot: Snapshot) -> None:
        """Save where the run stands: the `save` of `fnn.fit`."""
        self._attempt(lambda: self.adapter.save(self.folder, snapshot))

    def end(self, result: R) -> None:
        """Record models, the result and figures, in that order.

        Figures that can't be drawn are a note: all else is there by then.
        """
        if not self.path.is_dir():
            self._restore(result)
        self._write_rows()
        self.adapter.write_models(self.folder, result)
        seconds = self._earlier + time.perf_counter() - self.started
        self.adapter.write_result(self.folder, result, seconds)
        if self.figures:
            try:
                self.adapter.draw(self.folder, result)
            except (FnnError, OSError) as error:
                self._say(f"note: the figures could not be drawn: {error}")

    def _restore(self, result: R) -> None:
        """Make the folder again, which was removed or renamed, for what was trained."""
        with explained(self.path):
            self.path.mkdir(parents=True)
        self._say(f"note: {self.path} was removed: it is made anew")
        self._rows.clear()
        self.adapter.begin(self.folder)
        self.adapter.write_epochs(self.folder, result)

    def _write_rows(self) -> None:
        while self._rows:
            self.folder.append(self._rows[0])
            del self._rows[0]

    def _attempt(self, write: Callable[[], None]) -> None:
        """Write, or say once that it can't be done: training goes on, and it is tried again."""
        try:
            write()
        except FnnError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            if not self._told:
                self._told = True
                self._say(f"note: {error}: training goes on, and it is tried again")

    def _say(self, note: str) -> None:
        with contextlib.suppress(OSError):  # standard error may be on the same full disk
            print(f"fnn: {note}", file=sys.stderr, flush=True)

    def _earlier_seconds(self) -> float:
        """What earlier calls took, by their result.json; a damaged one is replaced."""
        try:
            result = self.folder.result or {"seconds": 0}
            return float(field(result, "seconds", int | float, self.path / "result.json"))
        except FnnError as error:
            note = f"note: {error}: it is written anew, without the seconds of earlier calls"
            self.notes.append(note)
            return 0.0
