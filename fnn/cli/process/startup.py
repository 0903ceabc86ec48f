"""Ctrl-C while the command loads its libraries, which takes a second or more."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
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
        # Libraries and traces are millions of objects that stay: looking through them all for
        # cycles, again and again, is a tenth of a short command.
        gc.set_threshold(100_000, 20, 100)


def is_own_process() -> bool:
    """Whether this process is the command's alone, so that no code of a user's runs in it."""
    return bool(_owned)


def start_time() -> float:
    """When the command started, by `time.perf_counter`: the start of its own process.

    Where the system does not give that (Linux does), now. Where scripts/python has set up the
    environment in that process before, the end of that: what it wrote last is its stamp.
    """
    now = time.perf_counter()
    try:
        with open("/proc/self/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        age = since_boot - ticks / os.sysconf("SC_CLK_TCK")
        stamp = os.path.join(sys.prefix, "fnn-stamp")
        if os.path.exists(stamp):
            age = min(age, time.time() - os.path.getmtime(stamp))
    except (OSError, AttributeError, ValueError):
        return now
    return now - age if _owned else now


@contextmanager
def loading() -> Iterator[None]:
    """Inside, Ctrl-C ends a process of the command's own at once, whatever handles it otherwise.

    Half-imported libraries are not involved: they might swallow a `KeyboardInterrupt`.
    """
    if not _owned:
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def is_importing(frame: FrameType | None) -> bool:
    """Whether a process of the command's own is in an import, which must not see Ctrl-C.

    Commands import what they need when they run. A `KeyboardInterrupt` there can leave NumPy half
    imported, and on that jaxlib crashes.
    """
    while _owned and frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


_owned: list[int] = []
"""the process, once it is the command's own"""


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"fnn: interrupted\n")
    os._exit(INTERRUPTED)
