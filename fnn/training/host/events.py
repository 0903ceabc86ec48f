"""The event that loggers receive, whatever is trained: a run, members of a sweep, a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fnn.training.host.history import EpochRecord, History


class MemberProgress(NamedTuple):
    """How far members have come that are trained together.

    done, total: how many have ended, and how many there are in all.
    share: of the whole work that is done, from 0 to 1.
    size: places of the program that runs, active or not.
    history: of the members in training, columns (M, epochs): NaN for epochs not reached.
    """

    done: int
    total: int
    share: float
    size: int
    history: History


class SearchProgress(NamedTuple):
    """How far a search has come.

    done, trials: settings that were tried, and that are to be tried in all.
    settings: the best so far; None if none has a finite value. value: its `metric`, or NaN.
    """

    done: int
    trials: int
    settings: Mapping[str, object] | None
    metric: str
    value: float


class Rung(NamedTuple):
    """A step of successive halving.

    epochs: that every member at it had trained, but for those that had ended by themselves.
    members: how many reached it; diverged: how many of these had diverged.
    kept: how many were kept for the next one.
    best, bar: the best value at it, and the worst that was kept; NaN where there was none.
    spent: epochs that all members had trained by then.
    """

    epochs: int
    members: int
    diverged: int
    kept: int
    best: float
    bar: float
    spent: int


class TrainingEvent(NamedTuple):
    """What a logger is given: the progress of the training.

    A run, a sweep and an ensemble send one about twice a second (a run after 4,096 epochs at the
    latest) and at the end; `fnn.search.bayes` sends one after each batch of settings, and
    `fnn.search.halving` at each rung.

    step, steps: done, and in all if nothing stops early: of the run, or of each of the members
        that are trained together.
    epoch, epochs: the same in epochs; `epoch` may be a fraction.
    ended: a record for each epoch of a single run that ended since the last event, such as
        `{"epoch": 1, "loss": 0.3, "validation_loss": 0.4}`: numbered from 1, with a value for
        every column of `History`. Empty for members, whose epochs `members.history` holds.
    examples_per_second: rows trained on a second, by all members together.
    seconds: since the first step of a run, where compiling is left out; since the call of a sweep
        or a search, where it is not.
    members: of a sweep, an ensemble and `bayes` (whose are those of the last batch).
    search: of `bayes`.
    rung: of `halving`, the one just reached.

    A logger that prints the last loss:

        def show(event: TrainingEvent) -> None:
            for record in event.ended:
                print(record["epoch"], record["loss"])

    Keras calls a callback at each batch and epoch; here events follow the calls of the compiled
    program, and one may hold many epochs or none.
    """

    step: int
    steps: int
    epoch: float
    epochs: int
    ended: list[EpochRecord]
    examples_per_second: float
    seconds: float
    members: MemberProgress | None = None
    search: SearchProgress | None = None
    rung: Rung | None = None

    @property
    def share(self) -> float:
        """Of the whole work that is done, from 0 to 1."""
        if self.search is not None:
            return self.search.done / self.search.trials
        if self.members is not None:
            return self.members.share
        return self.step / self.steps


Logger = Callable[[TrainingEvent], None]
"""Called with each event; what it raises ends the training and reaches the caller."""

Stop = Callable[[], int]
"""Asked after each call of the compiled program: 0 (or False, or None) trains on, and anything
else ends the training as interrupted, and is kept in the result. Of several processes, whichever
says so ends it for all."""
