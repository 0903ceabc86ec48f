"""The driver's side of a contestant's process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.peers.training.contestants import Entry
from experiments.peers.training.workloads import Workload
from fnn import xla
from fnn.spec import FnnError

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "experiments.peers.training"
PATIENCE = 600.0
"""seconds that an answer may take"""


MAKE = """no Python with the peers is there. To make one takes a few minutes:
    python3 scripts/setup.py .venv-peers
    .venv-peers/bin/python -m pip install 'torch>=2.8' 'equinox>=0.13' 'flax>=0.12' 'keras>=3.10'
Or name one by --python or FNN_PEERS, or leave the peers out: --peers bare numpy scikit floor"""


class PeerError(FnnError):
    """A contestant has ended, or does not answer."""


def environment(folder: Path) -> dict[str, str]:
    """Variables of the processes: no compiled programs from before, nothing left behind.

    XLA_FLAGS is what the user has set: what `fnn.xla.configure` adds is for fnn alone.
    """
    own = {
        "XLA_FLAGS": xla.USER_FLAGS,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "KERAS_HOME": str(folder / "keras"),
        "PYTHONWARNINGS": "ignore",
    }
    return os.environ | own


def default_peers() -> Path:
    """The Python that has the peers: `FNN_PEERS`, else that of .venv-peers in this checkout."""
    return Path(os.environ.get("FNN_PEERS") or ROOT / ".venv-peers" / "bin" / "python")


def check_peers(python: Path) -> None:
    """Raises `FnnError` where there is no such Python, with how to make one."""
    if not os.access(python, os.X_OK):
        raise FnnError(MAKE, str(python))


class Process:
    """A contestant that is alive, set up, and waits for commands.

    Raises `PeerError`, with the last that it said, when it ends or does not answer.
    """

    def __init__(self, name: str, entry: Entry, work: Workload, python: Path, folder: Path) -> None:
        self.name, self.title, self.complaints = name, entry.title, folder / f"{name}.txt"
        place = entry.place if "." in entry.place else f"{PACKAGE}.{entry.place}"
        command = [str(python if entry.peer else sys.executable), "-P", "-m", f"{PACKAGE}.worker"]
        with open(self.complaints, "wb") as complaints:
            self._process = subprocess.Popen(
                [*command, place, json.dumps(asdict(work))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment(folder),
                cwd=folder,
            )
        self.started = self._answer()

    def ask(self, **command: Any) -> dict[str, Any]:
        """Do that, and say what came of it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # it reads no more, or has been ended
            raise self._ended() from None
        return self._answer()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # nobody reads what was to be written
                pipe.close()

    def _answer(self) -> dict[str, Any]:
        pipe = self._process.stdout
        assert pipe is not None
        ready, _, _ = select.select([pipe], [], [], PATIENCE)
        if not ready:
            self.end()
            raise PeerError(f"{self.title} gave no answer within {PATIENCE:.0f} s")
        line = pipe.readline()
        if not line.endswith(b"\n"):
            raise self._ended()
        result: dict[str, Any] = json.loads(line)
        return result

    def _ended(self) -> PeerError:
        status = self._process.wait()
        self.end()
        reported = self.complaints.read_text(errors="replace").strip().splitlines()
        last = reported[-1].strip() if reported else "it said nothing"
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return PeerError(f"{self.title} ended {how}: {last}")
