"""The parameters of the best setting so far, beside the storage of a search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fnn.objective import Batch
from fnn.sweeps.arrays import entry, numbered, read, write
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.store import restored_params


def write_best(storage: Path, number: int, best: MemberResult) -> None:
    """Keep them, with the number of their trial, in place of those before."""
    arrays = numbered("best", (best.params, best.state))
    write(_file(storage), {"trial": number, **arrays})


def read_best(storage: Path, number: int, best: MemberResult, rows: Batch) -> MemberResult:
    """The best with its parameters, if they are there and are its own.

    Raises `FnnError` with the path where the file is damaged.
    """
    file = _file(storage)
    if not file.exists():
        return best
    arrays = read(file)
    if int(entry(arrays, "trial", file)) != number:
        return best
    params, state = restored_params("best", arrays, best.member, rows, file)
    return replace(best, params=params, state=state)


def _file(storage: Path) -> Path:
    return storage.with_name(f"{storage.stem}-best.npz")
