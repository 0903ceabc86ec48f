"""The folder of a sweep: what has ended, and the batch that was interrupted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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
    OLD,
    Stored,
    contents,
    digest,
    named,
    read_stored,
    remove_stored,
    write_stored,
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
    | `ended/<first member>.json` | the results of the members of a batch |
    | `under-way.json` | the state of a batch that was interrupted, and about once a minute |

    The last two are checkpoints (`fnn.checkpoint`), each with its arrays beside it; those of fnn
    0.2.0 are .npz files, which are read too.
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
            entries = [*(self.path / "ended").iterdir()]
        files = sorted({file.stem for file in entries if file.suffix in (".json", OLD)})
        stored = [read_stored(self.path / "ended" / f"{stem}.json") for stem in files]
        return [outcome for one in stored if one is not None for outcome in self._outcomes(one)]

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
                arrays |= named(f"kept/{outcome.index}/", Kept(outcome.params, outcome.state))
        write_stored(self.path / "ended" / f"{outcomes[0].index:05}.json", arrays)
        remove_stored(self.path / "under-way.json")

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
            **named("states/", saved.states),
        }
        if saved.ended is not None:
            arrays |= named("ended/", saved.ended)
        write_stored(self.path / "under-way.json", arrays)

    def paused(self) -> tuple[Sequence[int], BatchState] | None:
        """The batch that was interrupted, if one was."""
        stored = read_stored(self.path / "under-way.json")
        if stored is None:
            return None
        numbers = [int(number) for number in stored.entry("numbers")]
        places = stored.entry("places")
        members = [self.members[number] for number in numbers]
        runs = stack([members[slot].run for slot in places])
        program = Program(self.data, len(places), shares_order(members))
        shapes = program.shapes(runs)
        ended = None
        if "ended/" in stored:
            like = jax.tree.map(
                lambda leaf: _longer(leaf, len(numbers)), member_snapshot.eval_shape(runs, shapes)
            )
            ended = stored.tree("ended/", like)
        saved = BatchState(
            step=int(stored.entry("step")),
            spent=int(stored.entry("spent")),
            places=places,
            states=jax.device_put(stored.tree("states/", shapes, on_host=False)),
            history=stored.under("history/"),
            ended=ended,
        )
        return numbers, saved

    def _outcomes(self, stored: Stored) -> list[MemberResult]:
        indices = [int(index) for index in stored.entry("index")]
        return [self._outcome(row, index, stored) for row, index in enumerate(indices)]

    def _outcome(self, row: int, index: int, stored: Stored) -> MemberResult:
        member, epochs = self.members[index], int(stored.entry("epochs")[row])
        kept, prefix = Kept(None, None), f"kept/{index}/"
        if prefix in stored:
            kept = stored.tree(prefix, shapes_of_kept(member, self.data.rows))
        return MemberResult(
            index=index,
            member=member,
            status=STATUSES[int(stored.entry("status")[row])],  # type: ignore[arg-type]
            epochs=epochs,
            best_epoch=int(stored.entry("best_epoch")[row]) or None,
            values={name: float(column[row]) for name, column in stored.under("values/").items()},
            history={
                name: column[row, :epochs] for name, column in stored.under("history/").items()
            },
            params=kept.params,
            state=kept.state,
        )


class Kept(NamedTuple):
    """Of a member that has ended, what is used."""

    params: PyTree
    state: PyTree


def shapes_of_kept(member: Member, rows: Batch) -> Kept:
    """The shapes of what a member trained on such rows keeps."""
    shape = shape_of(jax.tree.map(lambda leaf: leaf[:1], rows.x))
    init = member.run.objective.init
    return Kept(*jax.eval_shape(lambda key: init(key, shape), jax.eval_shape(jax.random.key, 0)))


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
