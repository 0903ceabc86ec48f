"""A run under way: calls that take about half a second each, and what they told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from fnn.training.divergence import diagnose, is_finite
from fnn.training.host.history import History, columns, first_epochs, records
from fnn.training.host.in_memory import CAPACITY
from fnn.training.host.source import Source
from fnn.training.parallel.collectives import allgather_int
from fnn.training.program.state import RunState
from fnn.training.run import Run

EVENT_SECONDS = 0.5
"""seconds from one look of the host to the next, about"""
Status = Literal["finished", "stopped early", "interrupted", "diverged"]


class TrainingEvent(NamedTuple):
    """What a logger is given: where the run stands.

    About twice a second, after 4,096 epochs at the latest, and at the end.

    step, steps: done, and in all if the run does not stop early.
    epoch, epochs: the same in epochs; `epoch` may be a fraction.
    ended: a record for each epoch that ended since the last look, such as
        `{"epoch": 1, "loss": 0.3, "validation_loss": 0.4}`: numbered from 1, with a value for
        every column of `History`.
    examples_per_second: rows trained on a second since the first step.
    seconds: since the first step; compiling is left out.
    """

    step: int
    steps: int
    epoch: float
    epochs: int
    ended: list[dict[str, Any]]
    examples_per_second: float
    seconds: float


Logger = Callable[[TrainingEvent], None]


class TrainingLoop:
    """A run under way: calls that take about `EVENT_SECONDS` seconds each, and what they told."""

    def __init__(self, run: Run, source: Source, state: RunState, epochs: int) -> None:
        self.run, self.source, self.state = run, source, state
        self.epochs, self.steps = epochs, epochs * source.plan.steps
        self.step, self.size = 0, 1
        self.told: list[History] = []
        self.status: Status | None = None
        self.fault = ""
        self.began = time.perf_counter()

    def advance(self) -> None:
        """One call of the compiled program."""
        began, start, before = time.perf_counter(), self.step, self.state
        done = int(before.epoch)
        self.step = stop = self._stop()
        self.state, metrics = self.source.advance(before, start, stop)
        told = first_epochs(columns(metrics), int(self.state.epoch) - done)
        if not is_finite(self.run, self.state, told["loss"]):
            self.state, self.fault = diagnose(self.run, self.source, before, start, stop)
            self.status = "diverged"
            told = first_epochs(told, int(self.state.epoch) - done)
        elif int(self.state.step) == self.steps:
            self.status = "finished"
        elif not self.state.active:
            self.status = "stopped early"
        self.told.append(told)
        self._adapt(stop - start, time.perf_counter() - began)

    def interrupt(self) -> None:
        """Go no further, unless the run has ended anyway."""
        self.status = self.status or "interrupted"

    def _stop(self) -> int:
        """Where the next call ends: at the end of an epoch, if it reaches one."""
        stop, steps = min(self.step + self.size, self.steps), self.source.plan.steps
        ended = stop // steps * steps
        return ended if ended > self.step else stop

    def _adapt(self, steps: int, seconds: float) -> None:
        """How many steps fill the time, as far as the last call tells."""
        fitting = int(steps * min(EVENT_SECONDS / seconds, 16))
        size = min(max(fitting, 1), CAPACITY * self.source.plan.steps)
        self.size = allgather_int(size, self.source.mesh)[0]

    def look(self) -> TrainingEvent:
        """Where the run stands, with the epochs that ended in the last call."""
        seconds, rate = self.throughput()
        told, step = self.told[-1], int(self.state.step)
        return TrainingEvent(
            step=step,
            steps=self.steps,
            epoch=step / self.source.plan.steps,
            epochs=self.epochs,
            ended=records(told, int(self.state.epoch) - len(told["loss"]) + 1),
            examples_per_second=rate,
            seconds=seconds,
        )

    def throughput(self) -> tuple[float, float]:
        """Seconds since the first step, and rows trained on in each of them."""
        seconds, plan = time.perf_counter() - self.began, self.source.plan
        return seconds, int(self.state.step) / plan.steps * plan.rows / seconds
