"""Several processes of one command on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import Field, replace
from types import FrameType
from typing import IO, ClassVar, Protocol

from fnn.cli.options.command_line import to_argv
from fnn.cli.options.devices import ProcessOptions
from fnn.cli.process.distributed import LOST


class ProcessCommand(Protocol):
    """The options of a command that several processes can do together."""

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def machine(self) -> ProcessOptions:
        """How many processes, and which one."""


GRACE = 10.0
"""seconds that the others have to end by themselves when one was ended by a signal"""


def free_address() -> str:
    """An address of this machine whose port is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def start_all(command: str, options: ProcessCommand) -> int:
    """Run a command with these options as so many processes as its `machine` says."""
    machine = replace(options.machine, coordinator=free_address())
    count = machine.processes or 1
    each = [replace(machine, process=number) for number in range(count)]
    return run_all([[command, *to_argv(replace(options, machine=one))] for one in each])


def run_all(commands: Sequence[Sequence[str]]) -> int:
    """Run `fnn ARGUMENTS…` for each of the processes of one run, and wait for all.

    The first one prints. The failure of another one is printed where the first did not fail itself.
    The status is that of the first to fail. Ctrl-C and SIGTERM are passed on, once each.
    """
    with ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        running = [
            _start(number, *each) for number, each in enumerate(zip(commands, errors, strict=True))
        ]
        with _forward_signals(running):
            failed = _wait(running)
        first = running[0].returncode
        if failed is None or first in (1, 2) or first > LOST:
            return first
        status = running[failed].returncode
        print(f"fnn: process {failed} {_describe(status, errors[failed])}", file=sys.stderr)
        return 128 - status if status < 0 else status


def _start(number: int, arguments: Sequence[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """One of them, in a group of its own: a terminal's Ctrl-C reaches it through this process."""
    safe = ["-P"] if sys.flags.safe_path else []
    return subprocess.Popen(
        [sys.executable, *safe, "-m", "fnn", *arguments],
        stdin=subprocess.DEVNULL,
        stderr=None if number == 0 else errors,
        process_group=0,
        env=os.environ | {"JAX_LOCAL_DEVICE_IDS": str(number)},
    )


@contextmanager
def _forward_signals(running: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Inside, signals go to all of them."""

    def forward(number: int, frame: FrameType | None) -> None:
        for process in running:
            if process.poll() is None:
                process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(running: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait for all; the number of the first that failed, if one did.

    One that only lost another comes after that one. Those that failed by themselves may leave the
    first one writing its results; where one was ended by a signal, the others are killed if they
    continue.
    """
    failed: dict[int, float] = {}
    running_still = True
    while running_still:
        time.sleep(0.05)
        running_still = any(process.poll() is None for process in running)
        for number, process in enumerate(running):
            if process.poll() not in (None, 0, 130, 143):
                failed.setdefault(number, time.monotonic())
            if (
                number in failed
                and process.returncode < 0
                and _seconds_since(failed[number]) > GRACE
            ):
                for other in running:
                    other.kill()
    lost = (LOST, -signal.SIGABRT)
    return min(failed, key=lambda number: running[number].returncode in lost, default=None)


def _seconds_since(since: float) -> float:
    return time.monotonic() - since


def _describe(status: int, errors: IO[bytes]) -> str:
    if status == -signal.SIGABRT:
        return "lost another one"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").splitlines()
    return f"failed: {lines[-1].removeprefix('fnn: error: ')}" if lines else f"failed ({status})"
