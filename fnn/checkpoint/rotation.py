"""Checkpoints of one run: each under a name of its own, the last two kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fnn.checkpoint.manifest import Checkpoint, read, remove, write
from fnn.files import explained
from fnn.spec import FnnError

KEPT = 2


def write_next(
    folder: Path, step: int, arrays: Mapping[str, np.ndarray], record: Mapping[str, object]
) -> None:
    """Write the checkpoint of a step, and remove all but the last two.

    The folder is made, but none above it: a run's own may have been removed. Raises `FnnError`
    where it can't be written; those before it are intact then.
    """
    with explained(folder):
        folder.mkdir(exist_ok=True)
    write(folder / f"step-{step:010}.json", arrays, record)
    with explained(folder):
        for old in _manifests(folder)[:-KEPT]:
            remove(old)
        _remove_leftovers(folder)


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The last checkpoint that is whole, or None; and what is wrong with those after it.

    Raises `FnnError` with what is wrong with the last one where there are some, and none is whole.
    """
    problems: list[FnnError] = []
    for path in reversed(_manifests(folder)):
        try:
            return read(path), [str(problem) for problem in problems]
        except FnnError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    return None, []


def _manifests(folder: Path) -> list[Path]:
    with explained(folder):
        return sorted(folder.glob("step-*.json"))


def _remove_leftovers(folder: Path) -> None:
    """Remove what a kill has left half-written: nothing names it."""
    for path in (*folder.glob("step-*.safetensors"), *folder.glob(".step-*.tmp")):
        stem = path.stem.rpartition("-")[0]
        if path.suffix == ".tmp" or not (folder / f"{stem}.json").exists():
            path.unlink(missing_ok=True)
