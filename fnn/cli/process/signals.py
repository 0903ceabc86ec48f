"""Ctrl-C while a command runs: heard at once, whatever the machine is at."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PATIENCE = 1.0
"""seconds that Python has to end by itself; while XLA compiles, it hears nothing"""
NOTED = "fnn: interrupted: stops after the present step; Ctrl-C again ends it at once\n"

_kept: list[Path] = []
"""the folders of commands under way"""


def interrupted() -> str:
    """The line that tells of the end, with the command to go on by if something is there for it."""
    from fnn.runs.kinds import resume_command

    commands = [command for command in map(resume_command, _kept) if command is not None]
    return f"fnn: interrupted; go on: {commands[0]}" if commands else "fnn: interrupted"


def note_folder(folder: Path) -> None:
    """From here to the end of `heard`, an interruption tells how to go on with this folder.

    It does so if the folder then holds what that takes.
    """
    _kept.append(folder)


@contextmanager
def handle_sigint() -> Iterator[None]:
    """Inside, Ctrl-C is heard at once.

    It raises `KeyboardInterrupt`, or is noted where something is under way that stops after its
    present step (`fnn.training.host.interrupts`), and a line says so. A second one ends the
    process,
    as does the first one that Python does not come to within `PATIENCE`. Where Ctrl-C is ignored
    (nohup), and outside the main thread, nothing is changed.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield
        return
    ours, told = socket.socketpair()
    told.setblocking(False)
    before = signal.signal(signal.SIGINT, _raise)
    wakes = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(ours,), daemon=True).start()
    try:
        yield
    finally:
        _kept.clear()
        signal.signal(signal.SIGINT, before)
        signal.set_wakeup_fd(wakes)
        told.close()


def _raise(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _leave)
    raise KeyboardInterrupt


def _leave(number: int, frame: FrameType | None) -> None:
    """Python is ending already: another `KeyboardInterrupt` would only spoil that."""


def _listen(ours: socket.socket) -> None:
    """Python's C code tells the number of each signal here, even while Python can't act on it."""
    noted = False
    with ours:
        while number := ours.recv(1):
            handler = signal.getsignal(number[0])
            if _notes(handler) and not noted:
                noted = True
                _say(NOTED)
            elif _notes(handler) or handler in (_raise, _leave):
                _end_soon(ours, number[0])


def _notes(handler: object) -> bool:
    """Whether what handles a signal only notes the first one."""
    from fnn.training.host.interrupts import Request

    return isinstance(getattr(handler, "__self__", None), Request)


def _end_soon(ours: socket.socket, number: int) -> None:
    """Leave it to Python, which cleans up; if it can't, or another signal comes, end it here."""
    ended, _, _ = select.select([ours], [], [], PATIENCE)
    if not ended or ours.recv(1):
        _say(f"{interrupted()}\n")
        os._exit(128 + number)


def _say(line: str) -> None:
    """Straight to standard error: Python's own stream may be in use."""
    os.write(2, line.encode())
