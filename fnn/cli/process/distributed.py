"""A command that is one of several processes: connecting, disconnecting, and ending."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
import traceback
from typing import Any

from fnn.spec.errors import FnnError

MOST = 256
"""devices that a processor is divided into; thousands take JAX minutes to make"""
LOST = 3
"""the status of a process that has lost another one"""
CONNECT_SECONDS = 300
"""seconds that processes wait for each other at the start"""
SILENT_SECONDS = 60
"""seconds without a sign of life after which a process counts as dead"""


def make_cpu_devices(count: int) -> None:
    """Let JAX make so many devices of the processor, `MOST` at most, if it has not started yet."""
    import jax

    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", min(count, MOST))


def connect(coordinator: str, processes: int | None, process: int | None) -> None:
    """Connect to the other processes. Raises `FnnError` where that fails.

    From here on standard output is that of process 0 alone, and of what Python prints there: the
    libraries below JAX print whom they are connected to.
    """
    import jax

    from fnn.training.parallel.collectives import is_primary_process

    known: dict[str, Any] = {}
    if coordinator != "auto":
        known = {"coordinator_address": coordinator, "cluster_detection_method": "deactivate"}
        known |= {"num_processes": processes, "process_id": process}
        _check_address(coordinator, listens=process == 0)
    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM is handled in signals.py
    notice = threading.Timer(
        5, print, ["fnn: waiting for the other processes"], {"file": sys.stderr}
    )
    notice.start()
    try:
        jax.distributed.initialize(
            initialization_timeout=CONNECT_SECONDS,
            heartbeat_timeout_seconds=SILENT_SECONDS,
            **known,
        )
    except (ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise FnnError(f"the processes did not meet: {why}", "--coordinator") from error
    finally:
        notice.cancel()
    _silence(all=not is_primary_process())


def _check_address(address: str, listens: bool) -> None:
    """Raises `FnnError` where JAX would end the process: a taken port, a host that is not there."""
    host, _, port = address.rpartition(":")
    endpoint = (host.strip("[]"), int(port))
    if listens:
        try:
            socket.create_server(("", endpoint[1])).close()
        except OSError as error:
            raise FnnError(
                f"can't listen at port {port}: {error.strerror}", "--coordinator"
            ) from error
        return
    until = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            socket.create_connection(endpoint, timeout=5).close()
        except OSError as error:
            if time.monotonic() > until or isinstance(error, socket.gaierror):
                raise FnnError(
                    f"{address} does not answer: {error.strerror or error}", "--coordinator"
                ) from error
            time.sleep(0.2)
        else:
            return


def _silence(all: bool) -> None:
    sys.stdout.flush()
    if not all:
        copy, like = os.dup(1), sys.stdout
        lines = 1 if like.isatty() else -1
        sys.stdout = open(copy, "w", lines, like.encoding, like.errors)  # noqa: SIM115
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def is_connected() -> bool:
    """Whether this process is connected to others."""
    if "jax" not in sys.modules:
        return False
    import jax

    return jax.distributed.is_initialized()


def disconnect() -> None:
    """Wait until all processes are here, and disconnect."""
    if is_connected():
        import jax

        jax.distributed.shutdown()


def exit_process(status: int) -> int:
    """The status of a command; one that failed while connected to others ends at once.

    It would wait for them, and they for it.
    """
    if is_connected():
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(status)
    return status


def report(error: Exception) -> int:
    """Print what ended a connected process: the loss of another one, or its own error."""
    message = str(error).splitlines()[0] if str(error) else ""
    if any(word in message.lower() for word in ("gloo", "nccl", "coordination")):
        print(f"fnn: error: another process was lost: {message}", file=sys.stderr)
        return LOST
    traceback.print_exception(error)
    return 1
