"""Ctrl-C and SIGTERM ask a run to stop; a second one insists."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from jax.sharding import Mesh

from fnn.training.parallel.collectives import allgather_int


@dataclass
class Request:
    """The number of the signal that has asked to stop, if one has."""

    signal: int | None = None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal: the first is noted, the second insists."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def heard(self, mesh: Mesh | None) -> int | None:
        """The number of a signal that any of the processes has noted; all have to ask."""
        return max(allgather_int(self.signal or 0, mesh)) or None


@contextmanager
def interruptible() -> Iterator[Request]:
    """Inside, the first signal is noted in the request that this yields, and the second one raises
    `KeyboardInterrupt`. Outside the main thread Python hears no signals, and nothing is changed.
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in before.items():
            if handler not in (signal.SIG_IGN, None):  # nohup and the like stay in force
                signal.signal(number, request.note)
        yield request
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
