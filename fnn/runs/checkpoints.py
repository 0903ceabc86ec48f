"""What a single run is resumed from: its snapshots, in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fnn.files import field
from fnn.runs.digests import CHECKPOINTS
from fnn.runs.folder import RunFolder
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.runs.origin import Origin
    from fnn.training import Run, Snapshot


class Resumed(NamedTuple):
    """Where a run in a folder stands.

    snapshot: what it continues from; None for its beginning.
    seconds: from the first step to the end of each epoch.
    notes: what the reader should know: a later checkpoint that is damaged, other versions.
    """

    snapshot: Snapshot | None
    seconds: list[float]
    notes: list[str]


def has_checkpoint(folder: Path) -> bool:
    """Whether there is something to resume from."""
    return any((folder / CHECKPOINTS).glob("step-*.json"))


def save_snapshot(
    folder: Path, snapshot: Snapshot, seconds: Sequence[float], devices: int = 1
) -> None:
    """Save where a run on so many devices stands. Raises `FnnError` where it can't be written."""
    import numpy as np

    from fnn.checkpoint import environment, to_arrays, write_next
    from fnn.host import fetch

    arrays = to_arrays({"state": snapshot.state})
    arrays |= {f"history/{name}": values for name, values in snapshot.history.items()}
    epochs = len(snapshot.history.get("loss", ()))
    arrays["seconds"] = np.asarray(seconds[:epochs], np.float64)
    step, epoch = fetch((snapshot.state.step, snapshot.state.epoch))
    record = {
        "kind": "run",
        "step": int(step),
        "epoch": int(epoch),
        "seconds": snapshot.seconds,
        "columns": list(snapshot.history),
        **environment(devices),
    }
    write_next(folder / CHECKPOINTS, int(step), arrays, record)


def load_snapshot(
    folder: RunFolder,
    run: Run,
    prepared: Prepared,
    *,
    devices: int = 1,
    allow_different: bool = False,
) -> Resumed:
    """The last snapshot of a run that is whole; None where it was killed before the first one.

    Raises `FnnError` where all are damaged, and where versions, the device, its count or the
    settings of random numbers are others than then, so that bits would differ; with
    `allow_different` that is a note.
    """
    from fnn.checkpoint import environment, from_arrays, newest
    from fnn.checkpoint.environment import differences
    from fnn.training import Snapshot
    from fnn.training.host.fit import state_shapes

    kept, notes = newest(folder.path / CHECKPOINTS)
    if kept is None:
        return Resumed(None, [], ["nothing was saved yet: it begins anew"])
    different = differences(kept.record, environment(devices))
    _refuse(folder, [str(one) for one in different if one.changes_bits], allow_different)
    notes = [f"{problem}: the checkpoint before it is used" for problem in notes]
    notes += [str(one) for one in different]
    state = from_arrays(kept.arrays, state_shapes(run, prepared.train), "state.")
    columns = field(kept.record, "columns", list, kept.path)
    history = {name: kept.arrays[f"history/{name}"] for name in columns}
    seconds = field(kept.record, "seconds", int | float, kept.path)
    snapshot = Snapshot(state, history, seconds)
    return Resumed(snapshot, kept.arrays["seconds"].tolist(), notes)


def check_same_run(
    folder: RunFolder, origin: Origin, run: Run, allow_different: bool = False
) -> None:
    """Raises `FnnError` where the run, its seeds or its data are not those of the folder.

    Other data are a matter of `allow_different`: the error names what differs.
    """
    from fnn.checkpoint.environment import flatten
    from fnn.spec import to_json

    config, path = folder.config, folder.path / "config.json"
    before = {"run": field(config, "run", dict, path), "seeds": field(config, "seeds", dict, path)}
    now = {"run": json.loads(to_json(run)), "seeds": dict(origin.seeds)}
    known, wanted = flatten(before), flatten(now)
    for name in [*known, *wanted]:
        if known.get(name) != wanted.get(name):
            difference = f"{name} was {known.get(name)!r}, is {wanted.get(name)!r}"
            raise FnnError(f"holds another run: {difference}{_why(name)}", str(folder.path))
    data = field(config, "data", dict, path)
    names = ("name", "sha256", "rows")
    changed = [f"data.{name}" for name in names if data.get(name) != _plain(origin.data.get(name))]
    _refuse(folder, [f"{name} has changed" for name in changed], allow_different)


def _why(name: str) -> str:
    """A schedule holds the number of steps in all."""
    hangs = "learning_rate." in name
    return " (a schedule hangs on the number of epochs)" if hangs else ""


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _refuse(folder: RunFolder, different: Sequence[str], allowed: bool) -> None:
    if different and not allowed:
        raise FnnError(
            f"would not continue to the same bits: {'; '.join(different)}. "
            "Say --allow-different (allow_different=True) to go on all the same",
            str(folder.path),
        )
