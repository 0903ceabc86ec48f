"""The metric of a sweep's best settings over epochs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

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
from fnn.figures.sweeps.settings import SweepSetting
from fnn.figures.values import in_words
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT = 5
"""settings in a figure"""
MAX_MARKERS = 20
"""a line of at most so many points has markers"""
NAME_LENGTH, LABEL_LENGTH = 24, 96
"""letters of a name or a value in the legend, and of a setting's label"""
QUIET = 0.15
"""fraction of epochs, the first ones, whose values the limits may cut off"""


def sweep_curves(
    settings: Sequence[SweepSetting],
    path: str | os.PathLike[str],
    *,
    metric: str = "validation_loss",
    count: int = COUNT,
    title: str = "",
) -> None:
    """Write the figure of `draw_sweep_curves` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_sweep_curves(settings, metric=metric, count=count, title=title), path)


def draw_sweep_curves(
    settings: Sequence[SweepSetting],
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
    with_mean = [setting for setting in settings if np.isfinite(setting.mean)]
    drawn = (with_mean or settings)[: min(count, len(COLORS))]
    names = varied_names(drawn)
    figure = new_figure(8.6, 5.0 if title else 4.7, title)
    axes = figure.add_subplot()
    has_seeds = any(len(setting.members) > 1 for setting in drawn)
    label = metric_words(metric) + (", mean and range of seeds" if has_seeds else "")
    style_axes(axes, "epoch", label)
    curves = [
        _draw(axes, setting, metric, color, _label(setting, names))
        for setting, color in zip(drawn, COLORS, strict=False)
    ]
    epochs = max((len(values) for values in curves), default=0)
    later_epochs = [values[int(QUIET * epochs) :] for values in curves]
    values = [values.ravel() for values in later_epochs] or [np.empty(0)]
    limit(axes, metric, np.concatenate(values))
    epoch_axis(axes, epochs)
    if curves:
        common = [name for name in varied_names(settings) if name not in names]
        legend_height = legend_above(axes, _describe(drawn[0], common))
        figure.set_figheight(figure.get_figheight() + legend_height)
    return figure


def _label(setting: SweepSetting, names: Sequence[str]) -> str:
    count = len(setting.members)
    seeds = f"{count} seeds" if count > 1 else "1 seed"
    return ", ".join(filter(None, (_describe(setting, names), seeds)))


def _describe(setting: SweepSetting, names: Sequence[str]) -> str:
    values = [in_words(setting.settings.get(name)) for name in names]
    parts = [
        f"{truncate(name, NAME_LENGTH)} {shorten(value, NAME_LENGTH)}"
        for name, value in zip(names, values, strict=True)
    ]
    return shorten(" · ".join(parts), LABEL_LENGTH)


def _draw(axes: Axes, setting: SweepSetting, metric: str, color: str, label: str) -> np.ndarray:
    """Draw one setting's line and band. Returns their values, (epochs, seeds)."""
    rows = [np.asarray(m.history.get(metric, ()), float) for m in setting.members]
    epochs = max(map(len, rows), default=0)
    values = np.full((epochs, len(rows)), np.nan)
    for column, row in zip(values.T, rows, strict=True):
        column[: len(row)] = np.where(np.isfinite(row), row, np.nan)
    finite = np.isfinite(values)
    enough = finite.sum(1) >= max(len(rows) / 2, 1)
    x = np.flatnonzero(enough) + 1
    mean = np.nanmean(values[enough], axis=1)
    marker = "o" if len(x) <= MAX_MARKERS else ""
    axes.plot(x, mean, color=color, linewidth=1.6, marker=marker, markersize=4, label=label)
    if len(rows) > 1:
        low, high = np.nanmin(values[enough], axis=1), np.nanmax(values[enough], axis=1)
        axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
    for member, column, member_finite in zip(setting.members, values.T, finite.T, strict=True):
        if member.status == "diverged" and member_finite.any():
            last_epoch = np.flatnonzero(member_finite)[-1]
            axes.plot(last_epoch + 1, column[last_epoch], "x", color=color, ms=8, mew=2)
    return np.where(enough[:, None], values, np.nan)
