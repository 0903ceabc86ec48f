"""How far a sweep has come, as it goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fnn.sweeps import SweepLook

LINES = 10
PAUSE = 5.0
"""seconds between them, at least"""


class SweepBar:
    """A logger that draws a bar on standard error; where that is no terminal, about ten lines.

    Close it (`contextlib.closing`): a sweep may end before its time.

    size: the most members that were trained at a time, so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._bar: Any = None
        self._said = 0
        self._last = 0.0

    def __call__(self, look: SweepLook) -> None:
        """Draw where the sweep stands."""
        self.size = max(self.size, look.size)
        words = f"{look.done:,} of {look.members:,} members, epoch {look.epoch:,}/{look.epochs:,}"
        if sys.stderr.isatty():
            self._draw(look, words)
        elif int(LINES * look.share) > self._said and look.seconds > self._last + PAUSE:
            self._said, self._last = int(LINES * look.share), look.seconds
            print(f"  {words}, {look.seconds:.0f} s", flush=True)

    def _draw(self, look: SweepLook, words: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=1.0,
                leave=False,
                dynamic_ncols=True,
                bar_format="{l_bar}{bar}| [{elapsed}<{remaining}]",
            )
        self._bar.n = look.share
        self._bar.set_description(f"{words}, {look.size:,} at a time")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None
