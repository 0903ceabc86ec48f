"""A single run in training."""

from __future__ import annotations

import time
from typing import Literal

from fnn.training.divergence import diagnose, is_finite
from fnn.training.host.events import TrainingEvent
from fnn.training.host.history import columns, first_epochs, joined, records
from fnn.training.host.in_memory import CAPACITY
from fnn.training.host.saving import Snapshot
from fnn.training.host.source import Source
from fnn.training.parallel.sharding import local_copy
from fnn.training.run import Run

Status = Literal["finished", "stopped early", "interrupted", "diverged"]


class SingleRun:
    """A run in training, which the host's loop advances from where `snapshot` stands.

    status: None until it has ended; `fault` says what is not finite in one that diverged.
    histories: one of each call, of the epochs that ended in it; first that of the snapshot.
    """

    def __init__(self, run: Run, source: Source, snapshot: Snapshot, epochs: int) -> None:
        self.run, self.source, self.state = run, source, snapshot.state
        self.epochs, self.steps = epochs, epochs * source.plan.steps
        self.step, self.segment_steps = int(self.state.step), 1
        self.histories = [snapshot.history]
        self.reached = self.state, tuple(self.histories)
        self.status: Status | None = self._ended()
        self.fault = ""
        self.first_step, self.earlier_seconds = self.step, snapshot.seconds
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
        else:
            self.status = self._ended()
        self.histories.append(history)
        self.reached = self.state, tuple(self.histories)

    def _ended(self) -> Status | None:
        if int(self.state.step) >= self.steps:
            return "finished"
        return None if self.state.active else "stopped early"

    def snapshot(self) -> Snapshot:
        """Where it stands, whatever interrupts this thread: state and history fit together."""
        state, histories = self.reached
        seconds = self.throughput()[0]
        return Snapshot(local_copy(state, self.source.mesh), joined([*histories]), seconds)

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
        """Seconds since the first step, earlier calls included, and rows trained on a second."""
        seconds, plan = time.perf_counter() - self.start_time, self.source.plan
        steps = int(self.state.step) - self.first_step
        return seconds + self.earlier_seconds, steps / plan.steps * plan.rows / seconds
