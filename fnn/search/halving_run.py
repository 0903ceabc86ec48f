"""Successive halving in training: members of which fewer continue at each rung."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import jax
import numpy as np

from fnn.search.problem import SearchProblem
from fnn.search.result import SearchResult
from fnn.spec import SpecError
from fnn.sweeps.axes import Member
from fnn.sweeps.batch import MemberBatch
from fnn.sweeps.checks import groups
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.packing import balanced_size, budget, format_bytes, largest_size
from fnn.sweeps.program import Program, stack
from fnn.training.host.events import Rung, TrainingEvent
from fnn.training.parallel.sharding import round_up_to_devices


class HalvingRun:
    """Members in training, in batches of one structure each."""

    def __init__(
        self, problem: SearchProblem, members: Sequence[Member], rungs: Sequence[tuple[int, int]]
    ) -> None:
        self.problem, self.members, self.ladder = problem, members, rungs
        self.epochs, self.loop = problem.fitting.epochs, problem.fitting.loop(problem.data.mesh)
        self.start_time = time.perf_counter()
        self.rungs: list[Rung] = []
        self.retired: set[int] = set()
        self.batches: list[tuple[MemberBatch, Sequence[int]]] = []
        limit = budget(problem.fitting.memory, problem.data.mesh)
        self._check_memory(limit)
        for group in groups(members):
            size = balanced_size(
                len(group), largest_size([members[i] for i in group], problem.data, limit)
            )
            for first in range(0, len(group), size):
                numbers = group[first : first + size]
                together = [members[i] for i in numbers]
                batch = MemberBatch(together, problem.data, self.epochs, size)
                self.batches.append((batch, numbers))
        self.compile_seconds = self._seconds()

    def _seconds(self) -> float:
        return time.perf_counter() - self.start_time

    def _check_memory(self, limit: int) -> None:
        """All members stand side by side until the first rung."""
        needed, some = 0, round_up_to_devices(1, self.problem.data.mesh)
        for group in groups(self.members):
            runs = stack([self.members[group[0]].run] * some)
            states = Program(self.problem.data, some, shared_order=True).shapes(runs)
            size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(states))
            needed += len(group) * size // some
        limit *= some
        if needed > limit:
            raise SpecError(
                f"{len(self.members):,} members need about {format_bytes(needed)} until the first "
                f"rung, and {format_bytes(limit)} may be used: take fewer",
                "memory",
            )

    def run(self) -> None:
        """From rung to rung, to the end or until `stop` interrupts it."""
        for (epochs, _), following in zip(self.ladder, [*self.ladder[1:], None], strict=True):
            for batch, _ in self.batches:
                self.loop.run(batch, until=epochs)
            if self.loop.interrupted:
                return
            self.rungs.append(self._compare(epochs, following))
            self.loop.send(partial(self._event, self.rungs[-1]))
            self.loop.ask()

    def _event(self, rung: Rung) -> TrainingEvent:
        """The progress of the search at a rung."""
        batch, seconds = self.batches[0][0], self._seconds()
        examples = sum(batch.examples for batch, _ in self.batches)
        return TrainingEvent(
            step=rung.epochs * batch.steps_per_epoch,
            steps=batch.steps,
            epoch=float(rung.epochs),
            epochs=self.epochs,
            ended=[],
            examples_per_second=examples / seconds,
            seconds=seconds,
            rung=rung,
        )

    def _compare(self, epochs: int, following: tuple[int, int] | None) -> Rung:
        """Compare the members at this rung, and retire those that are not among the best.

        `following` is the next rung: its epochs, and how many come to it. None is the last one's,
        where all stay.
        """
        outcomes = self.outcomes()
        here = [outcome for outcome in outcomes if outcome.index not in self.retired]
        finite = [outcome for outcome in here if np.isfinite(self.problem.score(outcome))]
        finite.sort(key=self.problem.score, reverse=True)
        kept = finite if following is None else finite[: following[1]]
        values = [self.problem.value(outcome) for outcome in kept] or [np.nan]
        if following is not None:
            stay = {outcome.index for outcome in kept}
            self._retire({outcome.index for outcome in here} - stay, until=following[0])
        return Rung(
            epochs=epochs,
            members=len(here),
            diverged=sum(outcome.status == "diverged" for outcome in here),
            kept=len(kept),
            best=values[0],
            bar=values[-1],
            spent=sum(outcome.epochs for outcome in outcomes),
        )

    def _retire(self, retired: set[int], until: int) -> None:
        self.retired |= retired
        for batch, numbers in self.batches:
            batch.retire([i for i, number in enumerate(numbers) if number in retired], until)

    def outcomes(self) -> list[MemberResult]:
        """The outcome of every member so far, in order."""
        outcomes = [one for batch, numbers in self.batches for one in batch.outcomes(numbers)]
        return sorted(
            (
                replace(outcome, status="retired")
                if outcome.index in self.retired and outcome.status == "interrupted"
                else outcome
                for outcome in outcomes
            ),
            key=lambda outcome: outcome.index,
        )

    def result(self, keep: int | None) -> SearchResult:
        """The result of the search."""
        outcomes = self.outcomes()
        spent = sum(outcome.epochs for outcome in outcomes)
        computed = sum(batch.spent for batch, _ in self.batches)
        result = SearchResult(
            outcomes=outcomes,
            members=len(self.members),
            metric=self.problem.metric,
            wasted=1 - spent / computed if computed else 0.0,
            seconds=self._seconds(),
            compile_seconds=self.compile_seconds,
            interrupted=self.loop.interrupted,
            spent=spent,
            rungs=self.rungs,
        )
        return result.keeping(keep)
