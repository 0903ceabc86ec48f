"""Ctrl-C and SIGTERM while a command runs: handled at once, even during a compilation.

Training asks a `StopRequest` whether to stop (`stop_on_signals`): the first signal is noted, and
ends it after the present call of its program, with what was reached. Everywhere else Ctrl-C raises
`KeyboardInterrupt` (`handle_sigint`).
"""

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

from fnn.cli.process.startup import INTERRUPTED, is_importing

PATIENCE = 1.0
"""seconds that Python has to end; while XLA compiles, it handles no signal"""
NOTED = "fnn: interrupted: stops after the present step; Ctrl-C again ends it at once\n"

_folders: list[Path] = []
"""the folders of running commands"""


class StopRequest:
    """The number of the signal that has asked to stop; 0 as long as none has."""

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self) -> int:
        """What training asks: whether to stop."""
        return self.signal

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal: the first is noted, the second raises `KeyboardInterrupt`."""
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Inside, the first SIGINT or SIGTERM is noted in the request that this yields.

    The request is the `stop` of `fnn.fit` and its like. A second signal raises
    `KeyboardInterrupt`. Outside the main thread Python handles no signals, and nothing is changed.
    """
    request = StopRequest()
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


def interrupted() -> str:
    """The line that tells of the end, with the command that resumes if there is one."""
    if not _folders:
        return "fnn: interrupted"
    from fnn.runs.kinds import resume_command

    commands = [command for command in map(resume_command, _folders) if command is not None]
    return f"fnn: interrupted; go on: {commands[0]}" if commands else "fnn: interrupted"


def note_folder(folder: Path) -> None:
    """From here to the end of `handle_sigint`, an interruption prints how to resume this folder.

    It does so if the folder then holds what that takes.
    """
    _folders.append(folder)


@contextmanager
def handle_sigint() -> Iterator[None]:
    """Inside, Ctrl-C is handled at once.

    It raises `KeyboardInterrupt`, or is noted during training (`stop_on_signals`), and a line
    says so. A second one ends the process, as does the first one that Python does not come
    to within `PATIENCE`. Where Ctrl-C is ignored (nohup), and outside the main thread, nothing is
    changed.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    handler = signal.signal(signal.SIGINT, _raise)
    wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(receiver,), daemon=True).start()
    try:
        yield
    finally:
        _folders.clear()
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(wakeup)
        sender.close()


def _raise(number: int, frame: FrameType | None) -> None:
    if is_importing(frame):
        _write(f"{interrupted()}\n")
        os._exit(INTERRUPTED)
    signal.signal(signal.SIGINT, _ignore)
    raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Python is ending already: another `KeyboardInterrupt` would only spoil that."""


def _listen(receiver: socket.socket) -> None:
    """Python's C code sends the number of each signal here, even while Python can't act on it."""
    noted = False
    with receiver:
        while number := receiver.recv(1):
            handler = signal.getsignal(number[0])
            if _notes(handler) and not noted:
                noted = True
                _write(NOTED)
            elif _notes(handler) or handler in (_raise, _ignore):
                _end_soon(receiver, number[0])


def _notes(handler: object) -> bool:
    """Whether what handles a signal only notes the first one."""
    return isinstance(getattr(handler, "__self__", None), StopRequest)


def _end_soon(receiver: socket.socket, number: int) -> None:
    """Leave it to Python, which cleans up; if it can't, or another signal comes, end it here."""
    ended, _, _ = select.select([receiver], [], [], PATIENCE)
    if not ended or receiver.recv(1):
        _write(f"{interrupted()}\n")
        os._exit(128 + number)


def _write(line: str) -> None:
    """Straight to standard error: Python's own stream may be in use."""
    os.write(2, line.encode())
