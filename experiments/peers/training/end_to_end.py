"""From nothing to a trained digits model: whole processes, timed from outside, in turns.

64-32-10 in batches of 32, Adam at 0.001, 20 epochs of 1,437 rows. The programs that JAX
compiles are kept from one process to the next, for fnn and for Keras alike.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from experiments.peers.training.contestants import TITLES
from experiments.peers.training.processes import PACKAGE, PeerError, environment
from experiments.peers.training.rounds import Record, Timing, in_turns

COMMAND = "fnn train digits --hidden 32 --epochs 20 --split 80 0 20 --no-save"
PROGRAMS = {
    "fnn": [f"{PACKAGE}.digits_scripts.fnn_script"],
    "command": COMMAND.split(),
    "keras": [f"{PACKAGE}.digits_scripts.keras_script"],
    "torch": [f"{PACKAGE}.digits_scripts.torch_script"],
}
PEERS = ("keras", "torch")
PATIENCE = 300
"""seconds that a process may take"""


def processes(names: Iterable[str], rounds: int, python: Path, folder: Path) -> list[Record]:
    """A record for each program: its task is `process`, its value the test accuracy.

    The first turn, which fills the caches, and one more are not among the rounds.
    """
    cache = {
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
    wanted = {"fnn", "command", *names}
    records = {name: Record(name, "whole") for name in PROGRAMS if name in wanted}
    for turn, name in in_turns(list(records), rounds):
        record = records[name]
        timed = record.tasks.setdefault("process", Timing(1))
        if record.failure:
            continue
        try:
            seconds, timed.value = _run(name, python, folder, cache)
        except PeerError as error:
            record.failure = str(error)
            continue
        if turn > 1:
            timed.seconds.append(seconds)
    return list(records.values())


def _run(name: str, python: Path, folder: Path, cache: dict[str, str]) -> tuple[float, float]:
    """The seconds that the program took, and the accuracy that it printed."""
    start_time = time.perf_counter()
    try:
        done = subprocess.run(
            [str(python if name in PEERS else sys.executable), "-P", "-m", *PROGRAMS[name]],
            env=environment(folder) | cache,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"{TITLES[name]} did not end within {PATIENCE} s") from None
    seconds = time.perf_counter() - start_time
    reported = re.findall(r"accuracy (\d\.\d+)", done.stdout)
    if done.returncode or not reported:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise PeerError(f"{TITLES[name]} ended with status {done.returncode}: {last}")
    return seconds, float(reported[-1])
