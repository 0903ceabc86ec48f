"""Commands: as processes of their own, which share the programs they compile, and in this one."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import pytest

from fnn.cli import main

ROOT = str(Path(__file__).parents[1])


class Done(NamedTuple):
    """What came of a command."""

    status: int
    out: str
    err: str


def environment(programs: Path, **more: str) -> dict[str, str]:
    """The variables of a process that keeps its compiled programs in a folder."""
    path = os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))
    inherited = dict(os.environ)
    inherited.pop("TF_CPP_MIN_LOG_LEVEL", None)  # JAX sets it where it is imported: in this process
    return inherited | {
        "PYTHONPATH": path,
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(programs),
        **more,
    }


def start(
    arguments: Sequence[str], cwd: Path, programs: Path, *, blocks: int | None = None, **more: Any
) -> subprocess.Popen:
    """`python -m fnn ARGUMENTS…`, its warnings errors; no file may outgrow so many blocks.

    Nor may a module's bytecode: Python 3.11 keeps a file that was cut off, and fails to read it.
    """
    limit = [] if blocks is None else ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh"]
    if blocks is not None:
        more["env"] = more.get("env", environment(programs)) | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [*limit, sys.executable, "-W", "error", "-m", "fnn", *arguments],
        cwd=cwd,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(programs)}
        | more,
    )


def finish(process: subprocess.Popen) -> Done:
    """Wait for it."""
    out, err = process.communicate(timeout=120)
    return Done(process.returncode, out, err)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> Done:
    """`fnn ARGUMENTS…` in this process; JAX's settings are then as before."""
    try:
        status = run_here(arguments)
    except SystemExit as stop:
        status = stop.code
    return Done(status, *capsys.readouterr())


def run_here(arguments: Sequence[str]) -> int:
    """The status of `fnn ARGUMENTS…` in this process; JAX's settings are then as before."""
    float64, device = jax.config.jax_enable_x64, jax.config.jax_default_device
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(importlib.import_module("fnn.cli.main"), "_cache_programs", lambda: None)
            return main(arguments)
    finally:
        jax.config.update("jax_enable_x64", float64)
        jax.config.update("jax_default_device", device)
