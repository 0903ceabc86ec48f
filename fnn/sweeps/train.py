"""The host's side of a sweep: groups of equal structure, in chunks that fit into memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from fnn.objective import Batch
from fnn.sweeps.axes import Member
from fnn.sweeps.batch import BatchState, MemberBatch
from fnn.sweeps.checks import check_members, groups
from fnn.sweeps.member_result import MemberResult, keep_best
from fnn.sweeps.memory import budget, is_exhausted
from fnn.sweeps.packing import balanced_size, largest_size
from fnn.sweeps.program import SweepData
from fnn.training.checks import check_loggers
from fnn.training.host.history import History
from fnn.training.host.interrupts import Request, interruptible
from fnn.training.parallel.collectives import allgather_int, check_same
from fnn.training.parallel.devices import Devices, mesh_of
from fnn.training.parallel.sharding import replicate, round_up_to_devices

KEEP = 60.0
"""seconds after which a chunk under way is kept, so that little is lost by a kill"""


class SweepEvent(NamedTuple):
    """What a logger of a sweep is given, about twice a second and at the end.

    done, members: how many have ended, and in all.
    epoch, epochs: of those under way.
    share: of the whole work that is done, from 0 to 1.
    size: places of the program that runs, active or not.
    seconds: since the first step, compiling included.
    history: of those under way, columns (M, epochs): NaN where a member has not come.
    """

    done: int
    members: int
    epoch: int
    epochs: int
    share: float
    size: int
    seconds: float
    history: History


SweepLogger = Callable[[SweepEvent], None]


class Store(Protocol):
    """Where what is done is kept, so that an interrupted sweep goes on where it stopped."""

    def finished(self) -> list[MemberResult]:
        """What is known of members that have ended."""

    def keep(self, outcomes: Sequence[MemberResult]) -> None:
        """These have ended."""

    def pause(self, chunk: MemberBatch, numbers: Sequence[int]) -> None:
        """A chunk, of members of those numbers, stopped under way."""

    def paused(self) -> tuple[Sequence[int], BatchState] | None:
        """The chunk that stopped under way, if one did."""


class TrainedMembers(NamedTuple):
    """What became of members: their outcomes in order, and what it took.

    wasted: the share of the epochs computed that nobody needed: of members that had ended, and of
        places that stood empty.
    seconds: in all; compile_seconds: of these, before first steps.
    interrupted: the number of the signal that ended it; None if none did.
    """

    outcomes: list[MemberResult]
    wasted: float
    seconds: float
    compile_seconds: float
    interrupted: int | None


def train_members(
    members: Sequence[Member],
    rows: Batch,
    validation: Batch | None = None,
    *,
    epochs: int,
    target_scale: Any = None,
    keep: int | None = 1,
    metric: str | None = None,
    memory: int | str | None = None,
    store: Store | None = None,
    loggers: Sequence[SweepLogger] = (),
    devices: Devices | None = None,
) -> TrainedMembers:
    """Train any members: those of equal structure together, as many at a time as fit into memory.

    Arguments and errors are those of `fnn.sweep`; `keep` is how many members keep their
    parameters, the best by `metric` (None: all); `memory` is that of each of the `devices`.
    """
    check_loggers(loggers)
    check_members(members, rows, validation, epochs)
    mesh = mesh_of(devices, "members")
    given = (
        [member[1:] for member in members],
        rows,
        validation,
        target_scale,
        epochs,
        store is None,
    )
    check_same(given, mesh)
    work = _Work(members, SweepData(*replicate((rows, validation, target_scale), mesh)), epochs)
    work.keep, work.metric = keep, metric or default_metric(members, validation is not None)
    work.budget, work.store, work.loggers = budget(memory, mesh), store, loggers
    with interruptible() as request:
        if store is not None:
            work.resume(store, request)
        for group in groups(members):
            work.train(group, request)
    return work.trained()


def default_metric(members: Sequence[Member], validated: bool) -> str:
    """By what members are compared: what their runs select by, else the validation loss."""
    if not validated:
        return "loss"
    selections = {m.run.selection.metric for m in members if m.run.selection is not None}
    return f"validation_{selections.pop()}" if len(selections) == 1 else "validation_loss"


class _Work:
    """A sweep under way."""

    keep: int | None
    metric: str
    budget: int
    store: Store | None
    loggers: Sequence[SweepLogger]
    signal: int | None = None

    def __init__(self, members: Sequence[Member], data: SweepData, epochs: int) -> None:
        self.members, self.data, self.epochs = members, data, epochs
        self.found: dict[int, MemberResult] = {}
        self.spent = self.useful = 0
        self.compiling = 0.0
        self.began = time.perf_counter()

    def train(self, numbers: Sequence[int], request: Request) -> None:
        """Train the members of those numbers, which have one structure, chunk by chunk."""
        left = [number for number in numbers if number not in self.found]
        began = time.perf_counter()
        members = [self.members[number] for number in left]
        size = (
            balanced_size(len(left), largest_size(members, self.data, self.budget)) if left else 0
        )
        self.compiling += time.perf_counter() - began
        self.signal = request.heard(self.data.mesh)
        while left and self.signal is None:
            try:
                self._train(left[:size], size, request)
            except (MemoryError, RuntimeError) as error:
                if size == round_up_to_devices(1, self.data.mesh) or not is_exhausted(error):
                    raise
                size = round_up_to_devices(-(-size // 2), self.data.mesh)
            else:
                left = left[size:]

    def resume(self, store: Store, request: Request) -> None:
        """Take up what is done already, and end the chunk that stopped under way."""
        self.found = {outcome.index: outcome for outcome in store.finished()}
        paused = store.paused()
        if paused is not None:
            numbers, saved = paused
            self._train(numbers, len(saved.places), request, saved)

    def _train(
        self, numbers: Sequence[int], size: int, request: Request, saved: BatchState | None = None
    ) -> None:
        began = time.perf_counter()
        members = [self.members[number] for number in numbers]
        chunk = MemberBatch(members, self.data, self.epochs, size, saved)
        self.compiling += time.perf_counter() - began
        kept = time.monotonic()
        while not chunk.done and self.signal is None:
            chunk.advance()
            self._tell(chunk)
            self.signal = request.heard(self.data.mesh)
            if (
                self.store is not None
                and allgather_int(time.monotonic() - kept > KEEP, self.data.mesh)[0]
            ):
                self.store.pause(chunk, numbers)
                kept = time.monotonic()
        outcomes = chunk.outcomes(numbers, self.metric, self.keep)
        self.spent += chunk.spent
        self.useful += sum(outcome.epochs for outcome in outcomes)
        self.found |= {outcome.index: outcome for outcome in outcomes}
        if self.store is not None and chunk.done:
            self.store.keep(outcomes)
        elif self.store is not None:
            self.store.pause(chunk, numbers)

    def _tell(self, chunk: MemberBatch) -> None:
        if not self.loggers:
            return
        under_way = len(chunk.members)
        share = (len(self.found) + under_way * chunk.step / chunk.steps) / len(self.members)
        look = SweepEvent(
            done=len(self.found) + (under_way if chunk.done else 0),
            members=len(self.members),
            epoch=chunk.epoch,
            epochs=self.epochs,
            share=share,
            size=len(chunk.places),
            seconds=time.perf_counter() - self.began,
            history=chunk.history,
        )
        for logger in self.loggers:
            logger(look)

    def trained(self) -> TrainedMembers:
        """What came of it."""
        outcomes = [self.found[index] for index in sorted(self.found)]
        return TrainedMembers(
            keep_best(outcomes, self.metric, self.keep),
            wasted=1 - self.useful / self.spent if self.spent else 0.0,
            seconds=time.perf_counter() - self.began,
            compile_seconds=self.compiling,
            interrupted=self.signal,
        )
