"""Ctrl-C while the command loads its libraries, which takes a second or more."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""the exit status: 128 + SIGINT"""


def own_process() -> None:
    """From here on Ctrl-C ends this process at once, with a line: it is the command's alone."""
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, _end)
        _owned.append(os.getpid())


@contextmanager
def loading() -> Iterator[None]:
    """Inside, Ctrl-C ends a process of the command's own at once, whatever handles it otherwise.

    Half-imported libraries have no say in it: they might lose a `KeyboardInterrupt`.
    """
    if not _owned:
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_owned: list[int] = []
"""the process, once it is the command's own"""


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"fnn: interrupted\n")
    os._exit(INTERRUPTED)
