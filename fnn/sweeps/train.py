"""The host's side of a sweep: groups of equal structure, in batches that fit into memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol, Unpack

from fnn.objective import Batch
from fnn.sweeps.axes import Member
from fnn.sweeps.batch import BatchState, MemberBatch
from fnn.sweeps.checks import check_members, groups
from fnn.sweeps.member_result import MemberResult, keep_best
from fnn.sweeps.packing import balanced_size, budget, is_exhausted, largest_size
from fnn.sweeps.program import SweepData
from fnn.training.fitting import MemberFitting, MemberOptions
from fnn.training.host.events import MemberProgress, TrainingEvent
from fnn.training.parallel.collectives import check_same
from fnn.training.parallel.sharding import replicate, round_up_to_devices


class Store(Protocol):
    """Keeps what has ended, so that an interrupted sweep resumes where it stopped."""

    def finished(self) -> list[MemberResult]:
        """What is known of members that have ended."""

    def keep(self, outcomes: Sequence[MemberResult]) -> None:
        """These have ended."""

    def pause(self, batch: MemberBatch, numbers: Sequence[int]) -> None:
        """A batch, of members of those numbers, was interrupted."""

    def paused(self) -> tuple[Sequence[int], BatchState] | None:
        """The batch that was interrupted, if one was."""


class TrainedMembers(NamedTuple):
    """The outcomes of members, in order, and what training them took.

    wasted: the share of the epochs computed in vain: of members that had ended, and of
        places that stood empty.
    seconds: in all; compile_seconds: of these, before first steps.
    interrupted: what `stop` gave when it ended the training; None if it did not.
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
    keep: int | None = 1,
    metric: str | None = None,
    store: Store | None = None,
    **options: Unpack[MemberOptions],
) -> TrainedMembers:
    """Train any members: those of equal structure together, as many at a time as fit into memory.

    Arguments and errors are those of `fnn.sweep`; `keep` is how many members keep their
    parameters, the best by `metric` (None: all).
    """
    fitting = MemberFitting(members, rows, validation, **options)
    metric = metric or default_metric(members, validation is not None)
    return train_fitting(fitting, keep=keep, metric=metric, store=store)


def train_fitting(
    fitting: MemberFitting[Sequence[Member], Batch],
    *,
    keep: int | None,
    metric: str,
    store: Store | None = None,
) -> TrainedMembers:
    """`train_members` of a value that carries all that is trained."""
    check_members(fitting.run, fitting.rows, fitting.validation, fitting.epochs)
    work = _Work(fitting, store)
    work.keep, work.metric = keep, metric
    work.run()
    return work.trained()


def default_metric(members: Sequence[Member], validated: bool) -> str:
    """By what members are compared: what their runs select by, else the validation loss."""
    if not validated:
        return "loss"
    selections = {m.run.selection.metric for m in members if m.run.selection is not None}
    return f"validation_{selections.pop()}" if len(selections) == 1 else "validation_loss"


class _Work:
    """A sweep in training."""

    keep: int | None
    metric: str

    def __init__(
        self, fitting: MemberFitting[Sequence[Member], Batch], store: Store | None
    ) -> None:
        self.members, self.epochs, self.store = fitting.run, fitting.epochs, store
        mesh = fitting.mesh("members")
        data = (fitting.rows, fitting.validation, fitting.target_scale)
        runs_and_seeds = [member[1:] for member in self.members]
        check_same((runs_and_seeds, data, self.epochs, store is None), mesh)
        self.data, self.budget = SweepData(*replicate(data, mesh)), budget(fitting.memory, mesh)
        self.loop = fitting.loop(mesh)
        self.outcomes: dict[int, MemberResult] = {}
        self.spent = self.useful = 0
        self.compile_seconds, self.examples = 0.0, 0.0
        self.start_time = time.perf_counter()

    def run(self) -> None:
        """Train all that have not ended, group by group; first the batch that was interrupted."""
        if self.store is not None:
            self.outcomes = {outcome.index: outcome for outcome in self.store.finished()}
            paused = self.store.paused()
            if paused is not None:
                numbers, saved = paused
                self._train(numbers, len(saved.places), saved)
        for group in groups(self.members):
            self._train_group(group)

    def _train_group(self, numbers: Sequence[int]) -> None:
        """Train the members of those numbers, which have one structure, batch by batch."""
        waiting = [number for number in numbers if number not in self.outcomes]
        size = self._size([self.members[number] for number in waiting])
        self.loop.ask()
        while waiting and not self.loop.interrupted:
            try:
                self._train(waiting[:size], size)
            except (MemoryError, RuntimeError) as error:
                if size == round_up_to_devices(1, self.data.mesh) or not is_exhausted(error):
                    raise
                size = round_up_to_devices(-(-size // 2), self.data.mesh)
            else:
                waiting = waiting[size:]

    def _size(self, members: Sequence[Member]) -> int:
        """How many of them are trained at a time."""
        if not members:
            return 0
        start_time = time.perf_counter()
        size = balanced_size(len(members), largest_size(members, self.data, self.budget))
        self.compile_seconds += time.perf_counter() - start_time
        return size

    def _train(self, numbers: Sequence[int], size: int, saved: BatchState | None = None) -> None:
        start_time = time.perf_counter()
        members = [self.members[number] for number in numbers]
        batch = MemberBatch(members, self.data, self.epochs, size, saved)
        self.compile_seconds += time.perf_counter() - start_time
        pause = None if self.store is None else partial(self.store.pause, batch, numbers)
        self.loop.run(batch, event=partial(self._event, batch), save=pause)
        outcomes = batch.outcomes(numbers, self.metric, self.keep)
        self.spent += batch.spent
        self.examples += batch.examples
        self.useful += sum(outcome.epochs for outcome in outcomes)
        self.outcomes |= {outcome.index: outcome for outcome in outcomes}
        if self.store is not None and batch.done:
            self.store.keep(outcomes)
        elif pause is not None:
            pause()

    def _event(self, batch: MemberBatch) -> TrainingEvent:
        """The progress of the sweep, with that batch in training."""
        seconds, count, total = self._seconds(), len(batch.members), len(self.members)
        return TrainingEvent(
            step=batch.step,
            steps=batch.steps,
            epoch=batch.step / batch.steps_per_epoch,
            epochs=self.epochs,
            ended=[],
            examples_per_second=(self.examples + batch.examples) / seconds,
            seconds=seconds,
            members=MemberProgress(
                done=len(self.outcomes) + (count if batch.done else 0),
                total=total,
                share=(len(self.outcomes) + count * batch.step / batch.steps) / total,
                size=len(batch.places),
                history=batch.history,
            ),
        )

    def _seconds(self) -> float:
        return time.perf_counter() - self.start_time

    def trained(self) -> TrainedMembers:
        """The outcomes of the members."""
        outcomes = [self.outcomes[index] for index in sorted(self.outcomes)]
        return TrainedMembers(
            keep_best(outcomes, self.metric, self.keep),
            wasted=1 - self.useful / self.spent if self.spent else 0.0,
            seconds=self._seconds(),
            compile_seconds=self.compile_seconds,
            interrupted=self.loop.interrupted,
        )
