"""The folder of a sweep: what has ended, and the batch that was interrupted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh
from jax.typing import ArrayLike

from fnn.files import exclusive_lock, explained, field, indispensable, read_record, write_record
from fnn.layer import PyTree
from fnn.objective import Batch
from fnn.shapes import shape_of
from fnn.spec import FnnError, to_json
from fnn.sweeps.arrays import (
    Arrays,
    contents,
    digest,
    entry,
    numbered,
    read,
    restored,
    under,
    write,
)
from fnn.sweeps.axes import Member
from fnn.sweeps.batch import BatchState, MemberBatch
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.program import Program, SweepData, member_snapshot, shares_order, stack
from fnn.training.fitting import MemberFitting
from fnn.training.parallel.collectives import allgather_int, is_primary

FORMAT = 2
"""1 had no digest"""
STATUSES = ("finished", "stopped early", "diverged")


@contextmanager
def open_store(
    path: str | os.PathLike[str] | None,
    fitting: MemberFitting[Sequence[Member], Batch],
    mesh: Mesh | None = None,
) -> Iterator[SweepStore | None]:
    """The folder of a sweep, which no other sweep has at the same time; None for no path.

    Of several processes that share a mesh, process 0 writes, and the others read.
    """
    if path is None:
        yield None
        return
    if not is_primary(mesh):
        allgather_int(0, mesh)
        yield SweepStore(path, fitting, writes=False)
        return
    folder = SweepStore(path, fitting)
    taken = "another process has this sweep under way: wait for its end"
    with exclusive_lock(folder.path / "sweep.json", taken):
        allgather_int(0, mesh)
        yield folder


class SweepStore:
    """Keeps a sweep in a folder, so that it resumes where it stopped.

    | file | holds |
    |---|---|
    | `sweep.json` | the members, and fingerprints of their runs and of the data |
    | `ended/<first member>.npz` | the results of the members of a batch |
    | `under-way.npz` | the state of a batch that was interrupted, and about once a minute |

    Without `writes` it only reads: another process writes the results.

    Raises `FnnError` where the folder holds another sweep, or can't be read or written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fitting: MemberFitting[Sequence[Member], Batch],
        writes: bool = True,
    ) -> None:
        self.path, self.members, self.epochs = Path(path), fitting.run, fitting.epochs
        self.writes = writes
        self.data = SweepData(fitting.rows, fitting.validation, fitting.target_scale)
        record = {
            "epochs": self.epochs,
            "members": [_as_json(member) for member in self.members],
            "runs": digest([to_json(member.run).encode() for member in self.members]),
            "data": digest(contents(leaf) for leaf in jax.tree.leaves(self.data)),
        }
        if writes:
            with explained(self.path):
                (self.path / "ended").mkdir(parents=True, exist_ok=True)
        file = self.path / "sweep.json"
        if file.exists() or not writes:
            with indispensable("sweep"):
                known = read_record(file, FORMAT)
            self._check_same(known, json.loads(json.dumps(record)), file)
        else:
            write_record(file, FORMAT, record)

    def _check_same(
        self, known: Mapping[str, object], expected: Mapping[str, object], file: Path
    ) -> None:
        words = {
            "epochs": "epochs",
            "members": "settings or seeds",
            "runs": "a run of another kind",
            "data": "other data",
        }
        for name, difference in words.items():
            if field(known, name, object, file) != expected[name]:
                raise FnnError(f"holds another sweep ({difference} differ)", str(self.path))

    def finished(self) -> list[MemberResult]:
        """What is known of members that have ended."""
        with explained(self.path):
            files = sorted((self.path / "ended").glob("*.npz"))
        return [outcome for file in files for outcome in self._outcomes(file)]

    def keep(self, outcomes: Sequence[MemberResult]) -> None:
        """These have ended; the saved state of their batch is removed."""
        if not self.writes:
            return
        arrays: dict[str, ArrayLike | Sequence[float]] = {
            "index": [outcome.index for outcome in outcomes],
            "status": [STATUSES.index(outcome.status) for outcome in outcomes],
            "epochs": [outcome.epochs for outcome in outcomes],
            "best_epoch": [outcome.best_epoch or 0 for outcome in outcomes],
        }
        for name in dict.fromkeys(name for outcome in outcomes for name in outcome.history):
            shown = np.full((len(outcomes), self.epochs), np.nan, outcomes[0].history[name].dtype)
            for row, outcome in zip(shown, outcomes, strict=True):
                row[: outcome.epochs] = outcome.history[name]
            arrays[f"history/{name}"] = shown
        for name in dict.fromkeys(name for outcome in outcomes for name in outcome.values):
            arrays[f"values/{name}"] = [outcome.values[name] for outcome in outcomes]
        for outcome in outcomes:
            if outcome.params is not None:
                kept = (outcome.params, outcome.state)
                arrays |= numbered(f"kept/{outcome.index}", kept)
        write(self.path / "ended" / f"{outcomes[0].index:05}.npz", arrays)
        (self.path / "under-way.npz").unlink(missing_ok=True)

    def pause(self, batch: MemberBatch, numbers: Sequence[int]) -> None:
        """A batch, of members of those numbers, was interrupted."""
        saved = batch.saved()
        if not self.writes:
            return
        arrays: dict[str, ArrayLike | Sequence[float]] = {
            "numbers": numbers,
            "step": saved.step,
            "spent": saved.spent,
            "places": saved.places,
            **{f"history/{name}": values for name, values in saved.history.items()},
            **numbered("states", saved.states),
        }
        if saved.ended is not None:
            arrays |= numbered("ended", saved.ended)
        write(self.path / "under-way.npz", arrays)

    def paused(self) -> tuple[Sequence[int], BatchState] | None:
        """The batch that was interrupted, if one was."""
        file = self.path / "under-way.npz"
        if not file.exists():
            return None
        arrays = read(file)
        numbers = [int(number) for number in entry(arrays, "numbers", file)]
        places = entry(arrays, "places", file)
        members = [self.members[number] for number in numbers]
        runs = stack([members[slot].run for slot in places])
        program = Program(self.data, len(places), shares_order(members))
        shapes = program.shapes(runs)
        ended = None
        if any(name.startswith("ended/") for name in arrays):
            like = jax.tree.map(
                lambda leaf: _longer(leaf, len(numbers)), member_snapshot.eval_shape(runs, shapes)
            )
            ended = restored("ended", arrays, like, file)
        saved = BatchState(
            step=int(entry(arrays, "step", file)),
            spent=int(entry(arrays, "spent", file)),
            places=places,
            states=jax.device_put(restored("states", arrays, shapes, file)),
            history=under("history", arrays),
            ended=ended,
        )
        return numbers, saved

    def _outcomes(self, file: Path) -> list[MemberResult]:
        arrays = read(file)
        indices = [int(index) for index in entry(arrays, "index", file)]
        return [self._outcome(row, index, arrays, file) for row, index in enumerate(indices)]

    def _outcome(self, row: int, index: int, arrays: Arrays, file: Path) -> MemberResult:
        member, epochs = self.members[index], int(entry(arrays, "epochs", file)[row])
        params = state = None
        if f"kept/{index}/0" in arrays:
            rows = self.data.rows
            params, state = restored_params(f"kept/{index}", arrays, member, rows, file)
        return MemberResult(
            index=index,
            member=member,
            status=STATUSES[int(entry(arrays, "status", file)[row])],  # type: ignore[arg-type]
            epochs=epochs,
            best_epoch=int(entry(arrays, "best_epoch", file)[row]) or None,
            values={name: float(column[row]) for name, column in under("values", arrays).items()},
            history={
                name: column[row, :epochs] for name, column in under("history", arrays).items()
            },
            params=params,
            state=state,
        )


def restored_params(
    prefix: str, arrays: Arrays, member: Member, rows: Batch, path: Path
) -> tuple[PyTree, PyTree]:
    """Parameters and state of a member trained on such rows, as `numbered` took them apart."""
    shape = shape_of(jax.tree.map(lambda leaf: leaf[:1], rows.x))
    init = member.run.objective.init
    like = jax.eval_shape(lambda key: init(key, shape), jax.eval_shape(jax.random.key, 0))
    params, state = restored(prefix, arrays, like, path)
    return params, state


def _as_json(member: Member) -> dict[str, object]:
    """What is varied, as JSON holds it: specs as they are written in Python."""
    plain = str | int | float | bool | None
    settings = {
        name: value if isinstance(value, plain) else repr(value)
        for name, value in member.settings.items()
    }
    return {"settings": settings, "seed": member.seed, "order_seed": member.order_seed}


def _longer(leaf: jax.ShapeDtypeStruct, count: int) -> jax.ShapeDtypeStruct:
    """The same for so many members."""
    return jax.ShapeDtypeStruct((count, *leaf.shape[1:]), leaf.dtype)
