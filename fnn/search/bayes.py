"""Bayesian search: each batch of settings, one program, is chosen by what the others came to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn.objective import Batch
from fnn.search.kept import read_best, write_best
from fnn.search.problem import Problem
from fnn.search.result import Search
from fnn.search.space import Build, Settings
from fnn.search.study import Asked, Sampler, Study, study
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, Member
from fnn.sweeps.outcome import Outcome
from fnn.sweeps.train import groups, train_members
from fnn.training.interrupts import interruptible
from fnn.training.run import Run

SIZES = (2, 8, 32, 128, 512)
"""of programs that serve several structures in a batch: a program more costs seconds to compile"""


class SearchLook(NamedTuple):
    """What a logger of a search is given after each batch.

    done, trials: settings that were tried, and that are to be tried in all.
    best: the best so far; None if none has a finite value. value: its `metric`, or NaN.
    seconds: since this call began.
    """

    done: int
    trials: int
    best: Outcome | None
    metric: str
    value: float
    seconds: float


SearchLogger = Callable[[SearchLook], None]


def bayes(
    run: Run | Build,
    data: Any,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    trials: int = 256,
    batch: int = 32,
    epochs: int,
    metric: str | None = None,
    seed: int = 0,
    order_seed: int = 0,
    unit: Any = None,
    first: Sequence[Settings] = (),
    sampler: Sampler | None = None,
    storage: str | os.PathLike[str] | None = None,
    memory: int | str | None = None,
    loggers: Sequence[SearchLogger] = (),
) -> Search:
    """Try `trials` settings, `batch` at a time, each batch chosen by Optuna from those before it.

    The settings of a batch whose runs have one structure are trained as one program. Where a batch
    holds several structures, programs come in few sizes, so that later batches find them compiled.
    Who diverges is told as pruned, and counts as worst.

    Arguments:
        run: what is varied, or a function from settings to the run that they make, for names that
            are no fields of a run: `lambda s: fnn.Run(…, fnn.mlp(s["hidden"], 10), …)`.
        over: what may be chosen, by name: `Between(low, high)`, perhaps of its logarithm or of
            whole numbers, or values of any kind (widths as tuples, names, specs), which have no
            order for the sampler.
        metric: what is to be best: one of those validated; None for what the run selects by, else
            the validation loss. Accuracy and the like are maximised.
        seed, order_seed: of all members; `seed` draws settings too.
        first: settings to begin with, such as defaults; names they lack are drawn.
        sampler: an Optuna sampler from a seed, such as `optuna.samplers.RandomSampler`; None for
            the tree-structured Parzen estimator (`tpe`).
        storage: a file for the study: SQLite if it ends in .db or .sqlite, else Optuna's journal,
            which is several times as fast. The same call goes on where it stopped, or was killed:
            what was told is not tried again, what was asked for is tried first. The parameters of
            the best lie beside it, in a file that ends in .npz.
        loggers: called with a `SearchLook` after each batch.

    The other arguments are those of `fnn.sweep`.

    The same seed gives the same settings and results, and a search that was interrupted comes to
    what it would have come to, as far as training repeats itself: on one kind of machine with one
    version of JAX and Optuna, and programs of the same sizes (`memory`). Another `batch` asks in
    other places.

    Ctrl-C and SIGTERM end it within about half a second: what has ended is told, the rest of the
    batch is not.

    Raises `SpecError` for arguments that can't be used, with the axis, `FnnError` with the path for
    a storage that holds another search, is in use, locked or damaged, `FnnError` where Optuna is
    not installed, and for data what `fnn.sweep` raises.
    """
    for name, count in {"trials": trials, "batch": batch}.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise SpecError(f"expected a whole number from 1 up, got {count!r}", name)
    if sampler is not None and not callable(sampler):
        raise SpecError(
            "expected a function from a seed to an Optuna sampler, such as "
            f"optuna.samplers.RandomSampler, got {sampler!r}",
            "sampler",
        )
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
    path = None if storage is None else Path(storage)
    with study(problem, path, sampler, first) as known, interruptible() as request:
        search = _Search(problem, known, path, memory)
        while len(search.outcomes) < trials and request.signal is None:
            done = len(search.outcomes)
            asked = known.ask(min(batch - done % batch, trials - done))
            request.signal = search.try_out(asked, batch) or request.signal
            look = search.look(trials)
            for logger in loggers:
                logger(look)
    return search.result(trials, request.signal)


class _Search:
    """A search under way."""

    def __init__(
        self, problem: Problem, known: Study, path: Path | None, memory: int | str | None
    ) -> None:
        self.problem, self.study, self.path, self.memory = problem, known, path, memory
        self.began = time.perf_counter()
        self.compiling, self.computed, self.trained = 0.0, 0.0, 0
        self.outcomes: list[Outcome] = []
        self.best: Outcome | None = None
        for asked, outcome in known.told():
            self._add(asked, outcome)
        if self.best is not None and path is not None:
            self.best = read_best(path, self.asked_best, self.best, problem.data.rows)

    def _add(self, asked: Asked, outcome: Outcome) -> None:
        self.outcomes.append(replace(outcome, params=None, state=None))
        before = -np.inf if self.best is None else self.problem.score(self.best)
        if self.problem.score(outcome) > before:
            self.asked_best, self.best = asked, outcome

    def try_out(self, asked: Sequence[Asked], batch: int) -> int | None:
        """Train these settings, and tell what they came to; the signal, if one came."""
        members = [self.problem.member(one.settings) for one in asked]
        rows, validation, unit = self.problem.data
        made = train_members(
            [*members, *filling(members, batch)],
            rows,
            validation,
            epochs=self.problem.epochs,
            unit=unit,
            keep=None,
            metric=self.problem.metric,
            memory=self.memory,
        )
        epochs = sum(outcome.epochs for outcome in made.outcomes)
        self.computed += epochs / (1 - made.wasted) if epochs else 0
        self.compiling += made.compile_seconds
        ended = [
            (asked[outcome.index], replace(outcome, index=len(self.outcomes) + number))
            for number, outcome in enumerate(made.outcomes)
            if outcome.index < len(asked) and outcome.status != "interrupted"
        ]
        before = self.best
        for one, outcome in ended:
            self._add(one, outcome)
            self.trained += outcome.epochs
        if self.path is not None and self.best is not None and self.best is not before:
            write_best(self.path, self.asked_best, self.best)
        for one, outcome in ended:
            self.study.tell(one, outcome)
        return made.interrupted

    def look(self, trials: int) -> SearchLook:
        """Where the search stands."""
        value = float("nan") if self.best is None else self.problem.value(self.best)
        seconds = time.perf_counter() - self.began
        metric = self.problem.metric
        return SearchLook(len(self.outcomes), trials, self.best, metric, value, seconds)

    def result(self, trials: int, interrupted: int | None) -> Search:
        """What came of it."""
        outcomes = [*self.outcomes]
        if self.best is not None:
            outcomes[self.best.index] = self._with_params(self.best, interrupted)
        return Search(
            outcomes=outcomes,
            members=trials,
            metric=self.problem.metric,
            wasted=1 - self.trained / self.computed if self.computed else 0.0,
            seconds=time.perf_counter() - self.began,
            compile_seconds=self.compiling,
            interrupted=interrupted,
            spent=sum(outcome.epochs for outcome in outcomes),
        )

    def _with_params(self, best: Outcome, interrupted: int | None) -> Outcome:
        """The best with its parameters: trained again where their file is gone."""
        if best.params is not None or interrupted is not None:
            return best
        rows, validation, unit = self.problem.data
        made = train_members(
            [best.member], rows, validation, epochs=self.problem.epochs, unit=unit
        ).outcomes[0]
        return replace(best, params=made.params, state=made.state)


def filling(members: Sequence[Member], batch: int) -> list[Member]:
    """Members to add, so that those of a structure are as many as one of `SIZES`, or the batch.

    What was added comes to nothing, and later batches find programs of their size compiled.
    """
    made = []
    for numbers in groups(members):
        size = next((size for size in SIZES if size >= len(numbers)), batch)
        made += [members[numbers[-1]]] * (min(size, batch) - len(numbers))
    return made
