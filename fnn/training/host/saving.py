"""Where a run stands, saved beside its training."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeAlias

from fnn.training.host.history import History
from fnn.training.program.state import RunState


class Snapshot(NamedTuple):
    """All that continues a run to the same bits, and what is known of its epochs so far.

    seconds: of training, those of earlier calls included.
    """

    state: RunState
    history: History
    seconds: float = 0.0


Save: TypeAlias = Callable[[Snapshot], None]
"""Called with a snapshot in a thread of its own; what it raises ends the training."""


class BackgroundSaver:
    """Saves snapshots in a thread, one at a time: arrays on a device never change meanwhile."""

    def __init__(self, save: Save) -> None:
        self._save = save
        self._thread = ThreadPoolExecutor(1, "fnn-save")
        self._last: Future[None] | None = None

    def __call__(self, snapshot: Snapshot) -> None:
        """Start to save, once the one before is saved."""
        self.wait()
        self._last = self._thread.submit(self._save, snapshot)

    def wait(self) -> None:
        """Until what was started is saved; raises what that raised."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Wait, and end the thread."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()
