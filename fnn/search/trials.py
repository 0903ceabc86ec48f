"""Trials of a search: trained a batch at a time, told, and the best of them kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fnn.search.best_parameters import read_best, write_best
from fnn.search.problem import SearchProblem
from fnn.search.result import SearchResult
from fnn.search.study import Proposal, Study
from fnn.sweeps.axes import Member
from fnn.sweeps.checks import groups
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.train import train_members

SIZES = (2, 8, 32, 128, 512)
"""of programs that serve several structures in a batch: a program more costs seconds to compile"""


class SearchEvent(NamedTuple):
    """What a logger of a search is given after each batch.

    done, trials: settings that were tried, and that are to be tried in all.
    best: the best so far; None if none has a finite value. value: its `metric`, or NaN.
    seconds: since this call began.
    """

    done: int
    trials: int
    best: MemberResult | None
    metric: str
    value: float
    seconds: float


class Trials:
    """A search under way: what was found, by the number of the trial."""

    def __init__(
        self, problem: SearchProblem, known: Study, path: Path | None, memory: int | str | None
    ) -> None:
        self.problem, self.study, self.path, self.memory = problem, known, path, memory
        self.began = time.perf_counter()
        self.compiling, self.computed, self.trained = 0.0, 0.0, 0
        self.found: dict[int, MemberResult] = {}
        self.best: tuple[int, MemberResult] | None = None
        for asked, outcome in known.told():
            self._add(asked.number, outcome)
        if self.best is not None and path is not None:
            self.best = self.best[0], read_best(path, *self.best, problem.data.rows)

    def _add(self, number: int, outcome: MemberResult) -> None:
        """One more; the first of equals is the best."""
        self.found[number] = replace(outcome, params=None, state=None)
        score = self.problem.score(outcome)
        before = (-np.inf, 0) if self.best is None else self._rank(*self.best)
        if score > -np.inf and self._rank(number, outcome) > before:
            self.best = number, outcome

    def _rank(self, number: int, outcome: MemberResult) -> tuple[float, int]:
        return self.problem.score(outcome), -number

    def run_batch(self, asked: Sequence[Proposal], batch: int) -> int | None:
        """Train these settings, and tell what they came to; the signal, if one came."""
        members = [self.problem.member(one.settings) for one in asked]
        told = sorted(self.found)[len(self.found) - len(self.found) % batch :]
        earlier = [self.found[number].member for number in told]
        rows, validation, target_scale = self.problem.data
        made = train_members(
            [*members, *pad_to_size(members, batch, earlier)],
            rows,
            validation,
            epochs=self.problem.epochs,
            target_scale=target_scale,
            keep=None,
            metric=self.problem.metric,
            memory=self.memory,
            devices=self.problem.data.mesh,
        )
        epochs = sum(outcome.epochs for outcome in made.outcomes)
        self.computed += epochs / (1 - made.wasted) if epochs else 0
        self.compiling += made.compile_seconds
        ended = [
            (asked[outcome.index], outcome)
            for outcome in made.outcomes
            if outcome.index < len(asked) and outcome.status != "interrupted"
        ]
        before = self.best
        for one, outcome in ended:
            self._add(one.number, outcome)
            self.trained += outcome.epochs
        if self.path is not None and self.best is not None and self.best is not before:
            write_best(self.path, *self.best)
        for one, outcome in ended:
            self.study.tell(one, outcome)
        return made.interrupted

    def look(self, trials: int) -> SearchEvent:
        """Where the search stands."""
        best = None if self.best is None else self.best[1]
        value = float("nan") if best is None else self.problem.value(best)
        seconds = time.perf_counter() - self.began
        return SearchEvent(len(self.found), trials, best, self.problem.metric, value, seconds)

    def result(self, trials: int, interrupted: int | None) -> SearchResult:
        """What came of it."""
        found = {number: self.found[number] for number in sorted(self.found)}
        if self.best is not None:
            number, outcome = self.best
            found[number] = self._with_params(outcome, interrupted)
        return SearchResult(
            outcomes=[replace(one, index=index) for index, one in enumerate(found.values())],
            members=trials,
            metric=self.problem.metric,
            wasted=1 - self.trained / self.computed if self.computed else 0.0,
            seconds=time.perf_counter() - self.began,
            compile_seconds=self.compiling,
            interrupted=interrupted,
            spent=sum(outcome.epochs for outcome in found.values()),
        )

    def _with_params(self, best: MemberResult, interrupted: int | None) -> MemberResult:
        """The best with its parameters: trained again where their file is gone."""
        if best.params is not None or interrupted is not None:
            return best
        rows, validation, target_scale = self.problem.data
        mesh, epochs = self.problem.data.mesh, self.problem.epochs
        made = train_members(
            [best.member], rows, validation, epochs=epochs, target_scale=target_scale, devices=mesh
        ).outcomes[0]
        return replace(best, params=made.params, state=made.state)


def pad_to_size(
    members: Sequence[Member], batch: int, before: Sequence[Member] = ()
) -> list[Member]:
    """Members to add, so that those of a structure are as many as one of `SIZES`, or the batch.

    What was added comes to nothing, and later batches find programs of their size compiled. Those
    of the batch that were told `before` a kill count, so that the others have the program that
    they would have had.
    """
    made = []
    for numbers in groups([*members, *before]):
        own = [number for number in numbers if number < len(members)]
        size = next((size for size in SIZES if size >= len(numbers)), batch)
        if own:
            made += [members[own[-1]]] * (min(size, batch) - len(own))
    return made
