"""Members of successive halving under way, of whom ever fewer go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import jax
import numpy as np

from fnn.search.problem import SearchProblem
from fnn.search.result import Rung, SearchResult
from fnn.spec import SpecError
from fnn.sweeps.axes import Member
from fnn.sweeps.batch import MemberBatch
from fnn.sweeps.checks import groups
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.memory import budget, format_bytes
from fnn.sweeps.packing import balanced_size, largest_size
from fnn.sweeps.program import Program, stack
from fnn.training.host.interrupts import Request
from fnn.training.parallel.sharding import round_up_to_devices

RungLogger = Callable[[Rung], None]


class HalvingRun:
    """Members under way, in chunks of one structure each."""

    def __init__(
        self,
        problem: SearchProblem,
        members: Sequence[Member],
        rungs: Sequence[tuple[int, int]],
        memory: int | str | None,
    ) -> None:
        self.problem, self.members, self.ladder = problem, members, rungs
        self.began = time.perf_counter()
        self.rungs: list[Rung] = []
        self.retired: set[int] = set()
        self.chunks: list[tuple[MemberBatch, Sequence[int]]] = []
        limit = budget(memory, problem.data.mesh)
        self._check_memory(limit)
        for group in groups(members):
            size = balanced_size(
                len(group), largest_size([members[i] for i in group], problem.data, limit)
            )
            for first in range(0, len(group), size):
                numbers = group[first : first + size]
                chunk = MemberBatch(
                    [members[i] for i in numbers], problem.data, problem.epochs, size
                )
                self.chunks.append((chunk, numbers))
        self.compiling = time.perf_counter() - self.began

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

    def run(self, request: Request, loggers: Sequence[RungLogger]) -> None:
        """From rung to rung, to the end or a request to stop."""
        for (epochs, _), after in zip(self.ladder, [*self.ladder[1:], None], strict=True):
            for chunk, _ in self.chunks:
                while chunk.epoch < epochs and not chunk.done and request.signal is None:
                    chunk.advance(epochs)
            if request.signal is not None:
                return
            self.rungs.append(self._judge(epochs, after))
            for logger in loggers:
                logger(self.rungs[-1])

    def _judge(self, epochs: int, after: tuple[int, int] | None) -> Rung:
        """Compare the members that are here, and let those go that are not among the best.

        `after` is the next rung: its epochs, and how many come to it. None is the last one's, where
        nobody goes.
        """
        outcomes = self.outcomes()
        here = [outcome for outcome in outcomes if outcome.index not in self.retired]
        sound = [outcome for outcome in here if np.isfinite(self.problem.score(outcome))]
        sound.sort(key=self.problem.score, reverse=True)
        kept = sound if after is None else sound[: after[1]]
        values = [self.problem.value(outcome) for outcome in kept] or [np.nan]
        if after is not None:
            stay = {outcome.index for outcome in kept}
            self._retire({outcome.index for outcome in here} - stay, until=after[0])
        return Rung(
            epochs=epochs,
            members=len(here),
            diverged=sum(outcome.status == "diverged" for outcome in here),
            kept=len(kept),
            best=values[0],
            bar=values[-1],
            spent=sum(outcome.epochs for outcome in outcomes),
        )

    def _retire(self, gone: set[int], until: int) -> None:
        self.retired |= gone
        for chunk, numbers in self.chunks:
            chunk.retire([i for i, number in enumerate(numbers) if number in gone], until)

    def outcomes(self) -> list[MemberResult]:
        """What every member has come to so far, in order."""
        found = [outcome for chunk, numbers in self.chunks for outcome in chunk.outcomes(numbers)]
        return sorted(
            (
                replace(outcome, status="retired")
                if outcome.index in self.retired and outcome.status == "interrupted"
                else outcome
                for outcome in found
            ),
            key=lambda outcome: outcome.index,
        )

    def result(self, interrupted: int | None, keep: int | None) -> SearchResult:
        """What came of it."""
        outcomes = self.outcomes()
        spent = sum(outcome.epochs for outcome in outcomes)
        computed = sum(chunk.spent for chunk, _ in self.chunks)
        made = SearchResult(
            outcomes=outcomes,
            members=len(self.members),
            metric=self.problem.metric,
            wasted=1 - spent / computed if computed else 0.0,
            seconds=time.perf_counter() - self.began,
            compile_seconds=self.compiling,
            interrupted=interrupted,
            spent=spent,
            rungs=self.rungs,
        )
        return made.keeping(keep)
