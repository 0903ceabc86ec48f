"""Ctrl-C while the command is no further than its libraries, which take seconds to import."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

INTERRUPTED = 130
"""the exit status: 128 + SIGINT"""


def is_command() -> bool:
    """Whether Python was started as `python -m fnn`, or by the script `fnn`."""
    if sys.argv[0] == "-m":  # until Python has found the module, which means importing the package
        words = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
        return words[-2:] == ["-m", "fnn"] or words[-1] == "-mfnn"
    return Path(sys.argv[0]).stem == "fnn" and not Path(sys.argv[0]).is_dir()


def end(number: int, frame: FrameType | None) -> None:
    """Say so in a line and leave: nothing has begun, and half-imported libraries have no say."""
    os.write(2, b"fnn: interrupted\n")
    os._exit(INTERRUPTED)


if (
    is_command()
    and threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, end)
