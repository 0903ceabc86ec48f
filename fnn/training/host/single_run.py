"""A single run in training."""

from __future__ import annotations

import time
from typing import Literal

from fnn.training.divergence import diagnose, is_finite
from fnn.training.host.events import TrainingEvent
from fnn.training.host.history import History, columns, first_epochs, records
from fnn.training.host.in_memory import CAPACITY
from fnn.training.host.source import Source
from fnn.training.program.state import RunState
from fnn.training.run import Run

Status = Literal["finished", "stopped early", "interrupted", "diverged"]


class SingleRun:
    """A run in training, which the host's loop advances.

    status: None until it has ended; `fault` says what is not finite in one that diverged.
    histories: one of each call, of the epochs that ended in it.
    """

    def __init__(self, run: Run, source: Source, state: RunState, epochs: int) -> None:
        self.run, self.source, self.state = run, source, state
        self.epochs, self.steps = epochs, epochs * source.plan.steps
        self.step, self.segment_steps = 0, 1
        self.histories: list[History] = []
        self.status: Status | None = None
        self.fault = ""
        self.start_time = time.perf_counter()

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return self.source.plan.steps

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.status is not None

    def furthest(self) -> int:
        """The step that the next call may go to at most."""
        return min(self.step + CAPACITY * self.steps_per_epoch, self.steps)

    def advance(self, stop: int) -> None:
        """One call of the compiled program, to that step."""
        start, before = self.step, self.state
        self.step, first = stop, int(before.epoch)
        self.state, metrics = self.source.advance(before, start, stop)
        history = first_epochs(columns(metrics), int(self.state.epoch) - first)
        if not is_finite(self.run, self.state, history["loss"]):
            self.state, self.fault = diagnose(self.run, self.source, before, start, stop)
            self.status = "diverged"
            history = first_epochs(history, int(self.state.epoch) - first)
        elif int(self.state.step) == self.steps:
            self.status = "finished"
        elif not self.state.active:
            self.status = "stopped early"
        self.histories.append(history)

    def event(self) -> TrainingEvent:
        """The run's progress, with the epochs that ended in the last call."""
        seconds, rate = self.throughput()
        ended, step = self.histories[-1], int(self.state.step)
        return TrainingEvent(
            step=step,
            steps=self.steps,
            epoch=step / self.steps_per_epoch,
            epochs=self.epochs,
            ended=records(ended, int(self.state.epoch) - len(ended["loss"]) + 1),
            examples_per_second=rate,
            seconds=seconds,
        )

    def throughput(self) -> tuple[float, float]:
        """Seconds since the first step, and rows trained on in each of them."""
        seconds, plan = time.perf_counter() - self.start_time, self.source.plan
        return seconds, int(self.state.step) / plan.steps * plan.rows / seconds
