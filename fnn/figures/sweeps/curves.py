"""How the best settings of a sweep went, epoch by epoch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.metric_axis import limit, metric_words
from fnn.figures.style import (
    COLORS,
    epoch_axis,
    legend_above,
    new_figure,
    save,
    style_axes,
    truncate,
)
from fnn.figures.sweeps.panels import varied_names
from fnn.figures.values import in_words
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT = 5
"""settings in a figure"""
MARKED = 20
"""up to so many points are drawn as dots too"""
NAME, WORDS = 24, 96
"""letters of a name or a value in the legend, and of all that it says of a setting"""
QUIET = 0.15
"""share of the epochs, the first ones, that may lie outside: they would leave no room"""


def sweep_curves(
    settings: Sequence[Any],
    path: str | os.PathLike[str],
    *,
    metric: str = "validation_loss",
    count: int = COUNT,
    title: str = "",
) -> None:
    """Write the figure of `draw_sweep_curves` as a PNG.

    Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
    not installed.
    """
    save(draw_sweep_curves(settings, metric=metric, count=count, title=title), path)


def draw_sweep_curves(
    settings: Sequence[Any],
    *,
    metric: str = "validation_loss",
    count: int = COUNT,
    title: str = "",
) -> Figure:
    """The metric over epochs for the first `count` settings, which are the best.

    `settings` are those of a sweep, as `SweepResult.settings(metric)` gives them. A line is the
    mean over the seeds that were still trained, as long as half of them were; the band reaches
    from the lowest seed to the highest. A cross is where a member diverged.
    """
    known = [setting for setting in settings if np.isfinite(setting.mean)]
    shown = (known or settings)[: min(count, len(COLORS))]
    names = varied_names(shown)
    figure = new_figure(8.6, 5.0 if title else 4.7, title)
    axes = figure.add_subplot()
    several = any(len(setting.members) > 1 for setting in shown)
    words = metric_words(metric) + (", mean and range of seeds" if several else "")
    style_axes(axes, "epoch", words)
    drawn = [
        _draw(axes, setting, metric, color, _words(setting, names))
        for setting, color in zip(shown, COLORS, strict=False)
    ]
    epochs = max((len(values) for values in drawn), default=0)
    settled = [values[int(QUIET * epochs) :] for values in drawn]
    limit(axes, metric, np.concatenate([values.ravel() for values in settled or [np.empty(0)]]))
    epoch_axis(axes, epochs)
    if drawn:
        common = [name for name in varied_names(settings) if name not in names]
        high = legend_above(axes, _told(shown[0], common))
        figure.set_figheight(figure.get_figheight() + high)
    return figure


def _words(setting: Any, names: Sequence[str]) -> str:
    count = len(setting.members)
    seeds = f"{count} seeds" if count > 1 else "1 seed"
    return ", ".join(filter(None, (_told(setting, names), seeds)))


def _told(setting: Any, names: Sequence[str]) -> str:
    told = [
        f"{truncate(name, NAME)} {shorten(in_words(setting.settings.get(name)), NAME)}"
        for name in names
    ]
    return shorten(" · ".join(told), WORDS)


def _draw(axes: Axes, setting: Any, metric: str, color: str, words: str) -> np.ndarray:
    """One setting's line and band; the values that they show, (epochs, seeds)."""
    rows = [np.asarray(m.history.get(metric, ()), float) for m in setting.members]
    epochs = max(map(len, rows), default=0)
    values = np.full((epochs, len(rows)), np.nan)
    for column, row in zip(values.T, rows, strict=True):
        column[: len(row)] = np.where(np.isfinite(row), row, np.nan)
    there = np.isfinite(values)
    whole = there.sum(1) >= max(len(rows) / 2, 1)
    x = np.flatnonzero(whole) + 1
    mean = np.nanmean(values[whole], axis=1)
    marker = "o" if len(x) <= MARKED else ""
    axes.plot(x, mean, color=color, linewidth=1.6, marker=marker, markersize=4, label=words)
    if len(rows) > 1:
        low, high = np.nanmin(values[whole], axis=1), np.nanmax(values[whole], axis=1)
        axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
    for member, column, found in zip(setting.members, values.T, there.T, strict=True):
        if member.status == "diverged" and found.any():
            last = np.flatnonzero(found)[-1]
            axes.plot(last + 1, column[last], "x", color=color, ms=8, mew=2)
    return np.where(whole[:, None], values, np.nan)
