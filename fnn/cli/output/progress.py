"""How far a sweep has come, as it goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fnn.sweeps import SweepEvent

LINES = 10
PAUSE = 5.0
"""seconds between them, at least"""


class Bar:
    """A bar on standard error, where that is a terminal, from 0 to 1. Close it."""

    def __init__(self) -> None:
        self._bar: Any = None

    def draw(self, share: float, words: str) -> None:
        """Draw it so far, with words in front."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=1.0,
                disable=None,
                leave=False,
                dynamic_ncols=True,
                bar_format="{l_bar}{bar}| [{elapsed}<{remaining}]",
            )
        self._bar.n = share
        self._bar.set_description(words)

    def draw_epochs(self, event: SweepEvent) -> None:
        """A logger: draw how many epochs have ended."""
        self.draw(event.share, f"epoch {event.epoch}/{event.epochs}")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None


class SweepBar(Bar):
    """A logger that draws a bar on standard error; where that is no terminal, about ten lines.

    Close it (`contextlib.closing`): a sweep may end before its time.

    size: the most members that were trained at a time, so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._said = 0
        self._last = 0.0

    def __call__(self, look: SweepEvent) -> None:
        """Draw where the sweep stands."""
        self.size = max(self.size, look.size)
        words = f"{look.done:,} of {look.members:,} members, epoch {look.epoch:,}/{look.epochs:,}"
        if sys.stderr.isatty():
            self.draw(look.share, f"{words}, {look.size:,} at a time")
        elif int(LINES * look.share) > self._said and look.seconds > self._last + PAUSE:
            self._said, self._last = int(LINES * look.share), look.seconds
            print(f"  {words}, {look.seconds:.0f} s", flush=True)
