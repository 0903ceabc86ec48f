"""The host's loop: calls of a compiled program that take about half a second each.

Runs, sweeps, ensembles and searches all go through it. Where a call ends changes no number, so
the host is free to choose: it sends events, asks whether to stop and saves between calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from jax.sharding import Mesh

from fnn.training.host.events import Logger, Stop, TrainingEvent
from fnn.training.parallel.collectives import allgather_int

EVENT_SECONDS = 0.5
"""seconds that a call of the compiled program takes, about"""
SAVE_SECONDS = 60.0
"""seconds after which the state of what is trained is saved, so that a kill loses little"""
GROWTH = 16
"""by which a call may be longer than the one before"""
MOST = 2**31 - 1
"""steps are counted in 32 bits"""


class Advanceable(Protocol):
    """What a compiled program advances: a run, or members that are trained together.

    step: steps done.
    segment_steps: how many the next call may take; the loop adapts it, from 1 on.
    """

    step: int
    segment_steps: int

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""

    @property
    def done(self) -> bool:
        """Whether all is trained."""

    def furthest(self) -> int:
        """The step that the next call may go to at most."""

    def advance(self, stop: int) -> None:
        """One call of the compiled program, to that step."""


class HostLoop:
    """Advances jobs until they are done, or until `stop` interrupts them.

    save_every: seconds after which what is trained is saved.
    interrupted: what `stop` gave when it ended the training; None as long as it has not.
    """

    def __init__(
        self,
        loggers: Sequence[Logger] = (),
        stop: Stop | None = None,
        mesh: Mesh | None = None,
        save_every: float = SAVE_SECONDS,
    ) -> None:
        self.loggers, self.stop, self.mesh, self.save_every = loggers, stop, mesh, save_every
        self.interrupted: int | None = None

    def run(
        self,
        job: Advanceable,
        *,
        until: int | None = None,
        event: Callable[[], TrainingEvent] | None = None,
        save: Callable[[], None] | None = None,
    ) -> None:
        """Advance it to its end, or to the end of epoch `until`.

        `event` makes what is sent after each call; `save` is called every `save_every` seconds.
        """
        saved = time.monotonic()
        while not (job.done or self.interrupted or _has_reached(job, until)):
            self._advance(job, until)
            if event is not None:
                self.send(event)
            self.ask()
            if save is not None and self._any(time.monotonic() - saved > self.save_every):
                save()
                saved = time.monotonic()

    def send(self, event: Callable[[], TrainingEvent]) -> None:
        """Make an event and send it, if there are loggers."""
        if self.loggers:
            current = event()
            for logger in self.loggers:
                logger(current)

    def ask(self) -> None:
        """Ask whether to stop; of several processes, all have to ask."""
        if self.interrupted is None:
            answer = 0 if self.stop is None else int(self.stop() or 0)
            self.interrupted = max(allgather_int(answer, self.mesh), key=abs) or None

    def _any(self, wanted: bool) -> bool:
        """Whether process 0 wants to."""
        return bool(allgather_int(wanted, self.mesh)[0])

    def _advance(self, job: Advanceable, until: int | None) -> None:
        """One call, and how many steps the next one may take."""
        start_time, start = time.perf_counter(), job.step
        job.advance(_segment_end(job, until))
        seconds = time.perf_counter() - start_time
        steps = int((job.step - start) * min(EVENT_SECONDS / seconds, GROWTH))
        job.segment_steps = allgather_int(min(max(steps, 1), MOST), self.mesh)[0]


def _has_reached(job: Advanceable, until: int | None) -> bool:
    return until is not None and job.step // job.steps_per_epoch >= until


def _segment_end(job: Advanceable, until: int | None) -> int:
    """Where the next call ends: at the end of an epoch, if it reaches one."""
    stop = min(job.step + job.segment_steps, job.furthest())
    if until is not None:
        stop = min(stop, until * job.steps_per_epoch)
    epoch_end = stop // job.steps_per_epoch * job.steps_per_epoch
    return epoch_end if epoch_end > job.step else stop
