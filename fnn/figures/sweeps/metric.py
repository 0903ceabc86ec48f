"""How good a sweep's members are over each number that it varies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.metric_axis import limit, metric_words
from fnn.figures.style import (
    BLUE,
    ORANGE,
    empty_note,
    legend_row,
    new_figure,
    save,
    style_axes,
    truncate,
)
from fnn.figures.sweeps.panels import Panel, measured, panels, varied_names, was_pruned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3
"""how many panels stand side by side"""
WIDTHS = (6.8, 10.4, 14.0)
"""of so many of them, in inches"""
INTERVAL = "95 % interval"
FEW = 3
"""intervals of so few seeds are bars: they differ by chance more than a band should show"""
JITTER = 0.16
"""how far from a category its seeds are spread"""
STRIP = 0.34
"""and how far all of its settings are"""
GOLDEN = (5**0.5 - 1) / 2
"""multiples of it, without their whole parts, lie evenly between 0 and 1 however many there are"""


def sweep(
    settings: Sequence[Any],
    path: str | os.PathLike[str],
    *,
    metric: str = "validation_loss",
    every: bool = False,
    title: str = "",
) -> None:
    """Write the figure of `draw_sweep` as a PNG.

    Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
    not installed.
    """
    save(draw_sweep(settings, metric=metric, every=every, title=title), path)


def draw_sweep(
    settings: Sequence[Any],
    *,
    metric: str = "validation_loss",
    every: bool = False,
    title: str = "",
) -> Figure:
    """The metric over each name that is varied, a panel a name.

    `settings` are those of a sweep, the best first, as `SweepResult.settings(metric)` gives them. A
    small dot is a seed, a line the mean over seeds, the band its 95 % interval, or a bar where
    there are three seeds at most. The axis follows means and seeds: an arrow on the panel's edge
    says that an interval goes on beyond.

    Where other names are varied too, they stand at the values that are best for each value of a
    panel's name. With `every`, and where a name has a value of its own in every setting (random
    draws, zipped axes), all settings are there: pale beside the best one of the same value, and
    hollow where a search let them go early.

    A ring is round the best setting, a cross below values at which members diverged. The metric
    is on a log scale where it spans much.
    """
    names = varied_names(settings)
    shown = panels(settings, names, every)
    across = min(max(len(shown), 1), ACROSS)
    down = max(-(-len(shown) // across), 1)
    figure = new_figure(WIDTHS[across - 1], 4.4 * down + (0.3 if title else 0), title)
    if not shown:
        empty_note(figure.add_subplot())
    for number, panel in enumerate(shown):
        axes = figure.add_subplot(down, across, number + 1)
        words = metric_words(metric)
        words += ",\nothers at their best" if len(names) > 1 and not panel.scattered else ""
        style_axes(axes, truncate(panel.name, (48, 40, 36)[across - 1]), words, title=" ")
        panel.scale.apply(axes)
        bars = [bar for setting in panel.settings for bar in (setting.low, setting.high)]
        limit(axes, metric, measured(panel, metric), bars)
        _draw(axes, panel, metric)
    _legend(figure)
    return figure


def _draw(axes: Axes, panel: Panel, metric: str) -> None:
    places = panel.places(panel.settings)
    mean, low, high = np.array([(s.mean, s.low, s.high) for s in panel.settings], float).T
    there, known = np.isfinite(mean), np.isfinite(low)
    joined = panel.scale.numeric and not panel.scattered and len(places) > 1
    if panel.scattered:
        _others(axes, panel)
    _dots(axes, panel, places, metric)
    few = max(len(setting.members) for setting in panel.settings) <= FEW
    _intervals(axes, places, low, high, band=joined and not few)
    style: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 4.5, "linewidth": 1.6}
    words = "best of a value" if panel.scattered and panel.others else "mean"
    label = _label(words, known if words == "mean" else there)
    line = "-" if joined else "none"
    axes.plot(places[there], mean[there], linestyle=line, label=label, **style)
    if np.isfinite(panel.best.mean):
        place = panel.scale.at(panel.best.settings.get(panel.name))
        ring: dict[str, Any] = {"mfc": "none", "mec": ORANGE, "mew": 2, "ms": 12, "zorder": 4}
        axes.plot(place, panel.best.mean, "o", label="best", **ring)
    _crosses(axes, places, np.array([s.diverged for s in panel.settings]))


def _intervals(
    axes: Axes, places: np.ndarray, low: np.ndarray, high: np.ndarray, *, band: bool
) -> None:
    """As a band or as bars, with an arrow on the panel's edge where one goes on beyond."""
    known = np.isfinite(low)
    if not known.any():
        return
    bottom, top = axes.get_ylim()
    drawn = np.maximum(low, bottom / 10) if axes.get_yscale() == "log" else low
    style: dict[str, Any] = {"color": BLUE, "label": INTERVAL}
    if band:
        axes.fill_between(places, drawn, high, where=known, alpha=0.18, linewidth=0, **style)
    else:
        axes.vlines(places[known], drawn[known], high[known], alpha=0.4, linewidth=1.6, **style)
    style = {"color": BLUE, "alpha": 0.6, "ms": 5, "mew": 0, "clip_on": False, "linestyle": "none"}
    style |= {"transform": axes.get_xaxis_transform(), "label": "goes on beyond"}
    for marker, cut, edge in (("v", low < bottom, 0.012), ("^", high > top, 0.988)):
        if cut.any():
            axes.plot(places[cut], np.full(cut.sum(), edge), marker=marker, **style)


def _legend(figure: Figure) -> None:
    """What is seen in any panel, above the first."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        found = dict(zip(labels, handles, strict=True)) | found
    legend_row(figure.axes[0], list(found.values()))


def _label(words: str, there: np.ndarray) -> str | None:
    return words if there.any() else None


def _others(axes: Axes, panel: Panel) -> None:
    """Settings that are not the best of their value; beside categories they are spread."""
    places = panel.places(panel.others)
    if not panel.scale.numeric:
        places += STRIP * (2 * (np.arange(len(places)) * GOLDEN % 1) - 1)
    mean = np.array([setting.mean for setting in panel.others], float)
    gone = np.array([was_pruned(setting) for setting in panel.others], bool)
    style: dict[str, Any] = {"color": BLUE, "alpha": 0.35, "linestyle": "none", "markersize": 4.5}
    for there, words, face in ((~gone, "setting", BLUE), (gone, "let go early", "none")):
        there = there & np.isfinite(mean)
        label = _label(words, there)
        axes.plot(places[there], mean[there], marker="o", mfc=face, label=label, **style)
    _crosses(axes, places, np.array([s.diverged for s in panel.others]))


def _dots(axes: Axes, panel: Panel, places: np.ndarray, metric: str) -> None:
    """Every seed; beside categories they are spread a little, so that equals can be told apart."""
    x, y = [], []
    for place, setting in zip(places, panel.settings, strict=True):
        values = [member.values.get(metric, np.nan) for member in setting.members]
        if len(values) > 1:
            spread = 0 if panel.scale.numeric else JITTER
            x.append(place + np.linspace(-spread, spread, len(values)))
            y.append(values)
    if x:
        alpha = 0.6 if max(map(len, x)) <= FEW else 0.3
        style: dict[str, Any] = {"color": BLUE, "alpha": alpha, "linewidths": 0, "label": "seed"}
        axes.scatter(np.concatenate(x), np.concatenate(y), s=14, **style)


def _crosses(axes: Axes, places: np.ndarray, diverged: np.ndarray) -> None:
    there = diverged > 0
    if there.any():
        low = axes.get_xaxis_transform()
        height = np.full(there.sum(), 0.03)
        style: dict[str, Any] = {"color": ORANGE, "transform": low, "label": "diverged"}
        axes.plot(places[there], height, "x", ms=7, mew=2, clip_on=False, **style)
