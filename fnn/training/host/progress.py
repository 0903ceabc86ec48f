"""A bar that moves as training does: of one run, of members, or of a search."""

from __future__ import annotations

import sys
from math import isnan
from typing import TYPE_CHECKING

from fnn.metrics import format_metric
from fnn.training.host.events import TrainingEvent

if TYPE_CHECKING:
    from tqdm import tqdm

LINES = 10
"""of a whole sweep, where there is no terminal"""
LINE_SECONDS = 5.0
"""from one of them to the next, at least"""


class Progress:
    """A logger that draws a bar on standard error, where that is a terminal.

    Of one run it shows loss, metric, rows a second and the time left; of members, how many have
    ended. It takes the bar away after the last step; close it (`contextlib.closing`) for training
    that may end before.

    lines: whether about ten lines on standard output stand for a bar that is not drawn.
    size: the most members that were trained at a time, so far.
    """

    def __init__(self, *, lines: bool = False) -> None:
        self.lines, self.size = lines, 0
        self._bar: tqdm[None] | None = None
        self._last: dict[str, float] = {}
        self._printed, self._printed_at = 0, 0.0

    def __call__(self, event: TrainingEvent) -> None:
        """Draw the progress."""
        for record in event.ended:  # NaN where an epoch was not validated
            self._last |= {name: value for name, value in record.items() if not isnan(value)}
        if event.members is not None:
            self.size = max(self.size, event.members.size)
        if self.lines and not sys.stderr.isatty():
            self._print(event)
        else:
            self._draw(event)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._last = None, {}

    def _draw(self, event: TrainingEvent) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=1.0,
                disable=None,  # where this is not a terminal
                leave=False,
                dynamic_ncols=True,
                bar_format="{l_bar}{bar}| {postfix}[{elapsed}<{remaining}]",
            )
        self._bar.n = event.share
        self._bar.set_description(_description(event), refresh=False)
        self._bar.set_postfix_str(self._measured(event))
        if event.share >= 1:
            self.close()

    def _print(self, event: TrainingEvent) -> None:
        number = int(LINES * event.share)
        if number > self._printed and event.seconds > self._printed_at + LINE_SECONDS:
            self._printed, self._printed_at = number, event.seconds
            print(f"  {_members(event)}, {event.seconds:.0f} s", flush=True)

    def _measured(self, event: TrainingEvent) -> str:
        """The last loss and metrics, and the speed of a single run."""
        if event.members is not None:
            return ""
        shown = [f"loss {format_metric(self._last['loss'])}"] if self._last else []
        names = [name for name in self._last if name.startswith("validation_")]
        for name in [name for name in names if name != "validation_loss"][:1] or names:
            shown.append(f"{name.replace('_', ' ')} {format_metric(self._last[name])}")
        return ", ".join([*shown, f"{event.examples_per_second:,.0f} rows/s "])


def _description(event: TrainingEvent) -> str:
    if event.members is None:
        return f"epoch {event.epoch:.1f}/{event.epochs}"
    return f"{_members(event)}, {event.members.size:,} at a time"


def _members(event: TrainingEvent) -> str:
    """How many members have ended, and the epoch of those in training."""
    epochs = f"epoch {int(event.epoch):,}/{event.epochs:,}"
    if event.members is None:
        return epochs
    return f"{event.members.done:,} of {event.members.total:,} members, {epochs}"
