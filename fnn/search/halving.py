"""Successive halving: many settings for a short while, the best of them for longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from fnn.objective import Batch
from fnn.search.problem import Problem
from fnn.search.result import Rung, Search
from fnn.search.space import Build
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, Member, draw
from fnn.sweeps.chunk import Chunk
from fnn.sweeps.fitting import evenly, fitting
from fnn.sweeps.memory import budget, written
from fnn.sweeps.outcome import Outcome
from fnn.sweeps.program import Program, stack
from fnn.sweeps.train import check_members, groups
from fnn.training.interrupts import Request, interruptible
from fnn.training.run import Run

RungLogger = Callable[[Rung], None]


def halving(
    run: Run | Build,
    data: Any,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    draws: int,
    epochs: int,
    eta: int = 3,
    rungs: Sequence[int] | None = None,
    metric: str | None = None,
    seed: int = 0,
    order_seed: int = 0,
    unit: Any = None,
    keep: int | None = 1,
    memory: int | str | None = None,
    loggers: Sequence[RungLogger] = (),
) -> Search:
    """Draw settings at random, and train on only the best 1/η of them from rung to rung.

    The rungs stand at r, rη, rη², … epochs, the last at `epochs`; N draws become N/η, N/η², … The
    first rung costs N r epochs, each later one (1 - 1/η) of that. Members are compared by the
    validation metric that they have at a rung: of the best epoch so far where the run has a
    `Selection`. Who has diverged goes first.

    Nobody is trained again: survivors go on from where they stand, in a smaller program where that
    is worth compiling it, and come to what they would have come to without the others (within
    1e-12 in float64).

    Arguments:
        run: what is varied, or a function from settings to the run that they make.
        over: values or `Between`s by name, as in `fnn.sweep`; they are drawn by `seed`. With a
            function, any names that it knows.
        draws: settings at the first rung; all are held in memory until then.
        epochs: of those that come to the end.
        rungs: epochs at which members are compared, in place of those that follow from `draws`
            and `eta`.
        metric: one of those measured; None for what the run selects by, else the validation loss.
        seed, order_seed: of all members.
        loggers: called with a `Rung` when one is reached.

    The other arguments, and the errors, are those of `fnn.sweep`.

    Jamieson & Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter
    Optimization, section 3; Li et al. 2018, Hyperband, Algorithm 1 (its innermost loop).
    """
    problem = Problem.of(
        run,
        data,
        validation,
        over=over,
        epochs=epochs,
        metric=metric,
        seed=seed,
        order_seed=order_seed,
        unit=unit,
    )
    members = [problem.member(settings) for settings in draw(problem.space, draws, seed)]
    check_members(members, problem.data.rows, problem.data.validation, epochs)
    least = max(member.run.validate_every for member in members)
    race = _Race(problem, members, ladder(draws, epochs, eta, rungs, least), memory)
    with interruptible() as request:
        race.run(request, loggers)
    return race.result(request.signal, keep)


def ladder(
    draws: int, epochs: int, eta: int = 3, rungs: Sequence[int] | None = None, least: int = 1
) -> list[tuple[int, int]]:
    """The epochs of each rung, and how many members come to it.

    The first stands at `least` epochs or later. Raises `SpecError` for an η below 2, and for rungs
    that don't rise from `least` to `epochs`.
    """
    if isinstance(eta, bool) or not isinstance(eta, int) or eta < 2:
        raise SpecError(f"expected a whole number from 2 up, got {eta!r}", "eta")
    if rungs is None:
        count = 0
        while eta ** (count + 1) <= draws and least * eta ** (count + 1) <= epochs:
            count += 1
        heights = [round(epochs / eta ** (count - rung)) for rung in range(count)]
    else:
        heights = [height for height in rungs if height != epochs]
        if heights != sorted(set(heights)) or heights[:1] < [least] or heights[-1:] > [epochs]:
            raise SpecError(
                f"expected epochs that rise from {least} (the first validation) or more to "
                f"{epochs} at most, got {[*rungs]}",
                "rungs",
            )
    return [(height, max(draws // eta**rung, 1)) for rung, height in enumerate([*heights, epochs])]


class _Race:
    """Members under way, in chunks of one structure each."""

    def __init__(
        self,
        problem: Problem,
        members: Sequence[Member],
        rungs: Sequence[tuple[int, int]],
        memory: int | str | None,
    ) -> None:
        self.problem, self.members, self.ladder = problem, members, rungs
        self.began = time.perf_counter()
        self.rungs: list[Rung] = []
        self.retired: set[int] = set()
        self.chunks: list[tuple[Chunk, Sequence[int]]] = []
        limit = budget(memory)
        self._check_memory(limit)
        for group in groups(members):
            size = evenly(len(group), fitting([members[i] for i in group], problem.data, limit))
            for first in range(0, len(group), size):
                numbers = group[first : first + size]
                chunk = Chunk([members[i] for i in numbers], problem.data, problem.epochs, size)
                self.chunks.append((chunk, numbers))
        self.compiling = time.perf_counter() - self.began

    def _check_memory(self, limit: int) -> None:
        """All members stand side by side until the first rung."""
        needed = 0
        for group in groups(self.members):
            runs = stack([self.members[group[0]].run])
            states = Program(self.problem.data, 1, shared_order=True).shapes(runs)
            size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(states))
            needed += len(group) * size
        if needed > limit:
            raise SpecError(
                f"{len(self.members):,} members need about {written(needed)} until the first rung, "
                f"and {written(limit)} may be used: take fewer draws",
                "memory",
            )

    def run(self, request: Request, loggers: Sequence[RungLogger]) -> None:
        """From rung to rung, to the end or a request to stop."""
        counts = [*(members for _, members in self.ladder[1:]), None]
        for (epochs, _), to_keep in zip(self.ladder, counts, strict=True):
            for chunk, _ in self.chunks:
                while chunk.epoch < epochs and not chunk.done and request.signal is None:
                    chunk.go_on(epochs)
            if request.signal is not None:
                return
            self.rungs.append(self._judge(epochs, to_keep))
            for logger in loggers:
                logger(self.rungs[-1])

    def _judge(self, epochs: int, to_keep: int | None) -> Rung:
        """Compare the members that are here, and let those go that are not among the best.

        At the last rung (None) nobody goes.
        """
        outcomes = self.outcomes()
        here = [outcome for outcome in outcomes if outcome.index not in self.retired]
        sound = [outcome for outcome in here if np.isfinite(self.problem.score(outcome))]
        sound.sort(key=self.problem.score, reverse=True)
        kept = sound[:to_keep]
        values = [self.problem.value(outcome) for outcome in kept] or [np.nan]
        if to_keep is not None:
            stay = {outcome.index for outcome in kept}
            self._retire({outcome.index for outcome in here} - stay)
        return Rung(
            epochs=epochs,
            members=len(here),
            diverged=sum(outcome.status == "diverged" for outcome in here),
            kept=len(kept),
            best=values[0],
            bar=values[-1],
            spent=sum(outcome.epochs for outcome in outcomes),
        )

    def _retire(self, gone: set[int]) -> None:
        self.retired |= gone
        for chunk, numbers in self.chunks:
            chunk.retire([place for place, number in enumerate(numbers) if number in gone])

    def outcomes(self) -> list[Outcome]:
        """What every member has come to so far, in order."""
        found = [
            replace(outcome, index=numbers[outcome.index])
            for chunk, numbers in self.chunks
            for outcome in chunk.outcomes()
        ]
        return sorted(
            (
                replace(outcome, status="retired")
                if outcome.index in self.retired and outcome.status == "interrupted"
                else outcome
                for outcome in found
            ),
            key=lambda outcome: outcome.index,
        )

    def result(self, interrupted: int | None, keep: int | None) -> Search:
        """What came of it."""
        outcomes = self.outcomes()
        spent = sum(outcome.epochs for outcome in outcomes)
        computed = sum(chunk.spent for chunk, _ in self.chunks)
        made = Search(
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
