"""Trials of a search: trained a batch at a time, recorded, and the best of them kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fnn.search.best_parameters import read_best, write_best
from fnn.search.problem import SearchProblem
from fnn.search.result import SearchResult
from fnn.search.study import Proposal, Study
from fnn.sweeps.axes import Member
from fnn.sweeps.checks import groups
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.train import TrainedMembers, train_members
from fnn.training.fitting import MemberOptions
from fnn.training.host.events import SearchProgress, TrainingEvent

SIZES = (2, 8, 32, 128, 512)
"""of programs that serve several structures in a batch: a program more costs seconds to compile"""


class Trials:
    """A search in progress: outcomes by the number of the trial."""

    def __init__(self, problem: SearchProblem, known: Study, path: Path | None) -> None:
        self.problem, self.study, self.path = problem, known, path
        self.start_time = time.perf_counter()
        self.compile_seconds, self.computed, self.trained = 0.0, 0.0, 0
        self.outcomes: dict[int, MemberResult] = {}
        self.best: tuple[int, MemberResult] | None = None
        self.last = TrainingEvent(0, 0, 0.0, problem.fitting.epochs, [], 0.0, 0.0)
        for proposal, outcome in known.recorded():
            self._add(proposal.number, outcome)
        if self.best is not None and path is not None:
            self.best = self.best[0], read_best(path, *self.best, problem.data.rows)

    def _add(self, number: int, outcome: MemberResult) -> None:
        """One more; the first of equals is the best."""
        self.outcomes[number] = replace(outcome, params=None, state=None)
        score = self.problem.score(outcome)
        before = (-np.inf, 0) if self.best is None else self._rank(*self.best)
        if score > -np.inf and self._rank(number, outcome) > before:
            self.best = number, outcome

    def _rank(self, number: int, outcome: MemberResult) -> tuple[float, int]:
        return self.problem.score(outcome), -number

    def run_batch(self, proposals: Sequence[Proposal], batch: int) -> int | None:
        """Train these settings and record their outcomes; gives what `stop` gave, or None."""
        trained = self._train(proposals, batch)
        epochs = sum(outcome.epochs for outcome in trained.outcomes)
        self.computed += epochs / (1 - trained.wasted) if epochs else 0
        self.compile_seconds += trained.compile_seconds
        ended = [
            (proposals[outcome.index], outcome)
            for outcome in trained.outcomes
            if outcome.index < len(proposals) and outcome.status != "interrupted"
        ]
        before = self.best
        for proposal, outcome in ended:
            self._add(proposal.number, outcome)
            self.trained += outcome.epochs
        if self.path is not None and self.best is not None and self.best is not before:
            write_best(self.path, *self.best)
        for proposal, outcome in ended:
            self.study.tell(proposal, outcome)
        return trained.interrupted

    def _train(self, proposals: Sequence[Proposal], batch: int) -> TrainedMembers:
        members = [self.problem.member(proposal.settings) for proposal in proposals]
        options: MemberOptions = {**self.problem.options, "loggers": [self._note]}
        recorded = sorted(self.outcomes)[len(self.outcomes) - len(self.outcomes) % batch :]
        earlier = [self.outcomes[number].member for number in recorded]
        return train_members(
            [*members, *pad_to_size(members, batch, earlier)],
            self.problem.data.rows,
            self.problem.data.validation,
            keep=None,
            metric=self.problem.metric,
            **options,
        )

    def _note(self, event: TrainingEvent) -> None:
        self.last = event

    def event(self, trials: int) -> TrainingEvent:
        """The progress of the search, and the batch trained last."""
        best = None if self.best is None else self.best[1]
        progress = SearchProgress(
            done=len(self.outcomes),
            trials=trials,
            settings=None if best is None else best.member.settings,
            metric=self.problem.metric,
            value=float("nan") if best is None else self.problem.value(best),
        )
        return self.last._replace(search=progress, seconds=self._seconds())

    def _seconds(self) -> float:
        return time.perf_counter() - self.start_time

    def result(self, trials: int, interrupted: int | None) -> SearchResult:
        """The result of the search."""
        outcomes = {number: self.outcomes[number] for number in sorted(self.outcomes)}
        if self.best is not None:
            number, outcome = self.best
            outcomes[number] = self._with_params(outcome, interrupted)
        return SearchResult(
            outcomes=[replace(one, index=index) for index, one in enumerate(outcomes.values())],
            members=trials,
            metric=self.problem.metric,
            wasted=1 - self.trained / self.computed if self.computed else 0.0,
            seconds=self._seconds(),
            compile_seconds=self.compile_seconds,
            interrupted=interrupted,
            spent=sum(outcome.epochs for outcome in outcomes.values()),
        )

    def _with_params(self, best: MemberResult, interrupted: int | None) -> MemberResult:
        """The best with its parameters: trained again where their file is gone."""
        if best.params is not None or interrupted is not None:
            return best
        rows, validation, _ = self.problem.data
        trained = train_members([best.member], rows, validation, **self.problem.options)
        if trained.interrupted is not None:
            return best
        (outcome,) = trained.outcomes
        return replace(best, params=outcome.params, state=outcome.state)


def pad_to_size(
    members: Sequence[Member], batch: int, before: Sequence[Member] = ()
) -> list[Member]:
    """Members to add, so that those of a structure are as many as one of `SIZES`, or the batch.

    What was added is discarded, and later batches find programs of their size compiled. Those
    of the batch that were recorded `before` a kill count, so that the others have the program that
    they would have had.
    """
    added = []
    for numbers in groups([*members, *before]):
        own = [number for number in numbers if number < len(members)]
        size = next((size for size in SIZES if size >= len(numbers)), batch)
        if own:
            added += [members[own[-1]]] * (min(size, batch) - len(own))
    return added
