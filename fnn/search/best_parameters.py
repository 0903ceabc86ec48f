"""The parameters of the best setting so far, beside the storage of a search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fnn.objective import Batch
from fnn.sweeps.arrays import named, read_stored, write_stored
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.store import Kept, shapes_of_kept


def write_best(storage: Path, number: int, best: MemberResult) -> None:
    """Keep them, with the number of their trial, in place of those before."""
    arrays = named("best/", Kept(best.params, best.state))
    write_stored(_file(storage), {"trial": number, **arrays})


def read_best(storage: Path, number: int, best: MemberResult, rows: Batch) -> MemberResult:
    """The best with its parameters, if they are there and are its own.

    Raises `FnnError` with the path where the file is damaged.
    """
    stored = read_stored(_file(storage))
    if stored is None or int(stored.entry("trial")) != number:
        return best
    kept = stored.tree("best/", shapes_of_kept(best.member, rows))
    return replace(best, params=kept.params, state=kept.state)


def _file(storage: Path) -> Path:
    """The manifest of the checkpoint (`fnn.checkpoint`); fnn 0.2.0 wrote .npz in its place."""
    return storage.with_name(f"{storage.stem}-best.json")
