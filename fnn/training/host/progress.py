"""A bar that moves as a run does."""

from __future__ import annotations

from math import isnan
from typing import Any

from fnn.metrics import format_metric
from fnn.training.host.training_loop import TrainingEvent


class Progress:
    """A logger that draws a bar on standard error: loss, metric, rows a second, time left.

    It draws nothing where standard error is not a terminal. It takes the bar away after the last
    step; close it (`contextlib.closing`) for a run that may end before.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._last: dict[str, float] = {}

    def __call__(self, look: TrainingEvent) -> None:
        """Draw where the run stands."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=look.steps,
                disable=None,  # where this is not a terminal
                leave=False,
                dynamic_ncols=True,
                bar_format="{l_bar}{bar}| {postfix} [{elapsed}<{remaining}]",
            )
        for record in look.ended:  # NaN where an epoch was not validated
            self._last |= {name: value for name, value in record.items() if not isnan(value)}
        self._bar.n = look.step
        self._bar.set_description(f"epoch {look.epoch:.1f}/{look.epochs}", refresh=False)
        self._bar.set_postfix_str(self._told(look.examples_per_second))
        if look.step >= look.steps:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._last = None, {}

    def _told(self, speed: float) -> str:
        told = [f"loss {format_metric(self._last['loss'])}"] if self._last else []
        measured = [name for name in self._last if name.startswith("validation_")]
        for name in [name for name in measured if name != "validation_loss"][:1] or measured:
            told.append(f"{name.replace('_', ' ')} {format_metric(self._last[name])}")
        return ", ".join([*told, f"{speed:,.0f} rows/s"])
