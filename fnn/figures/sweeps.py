"""How good a sweep's members are over each number that it varies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fnn.figures.canvas import (
    BLUE,
    ORANGE,
    blank,
    dress,
    log_scale,
    nothing,
    save,
    short,
    wide_range,
)
from fnn.figures.values import Scale, in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3
"""how many panels stand side by side"""
WIDTHS = (6.8, 10.4, 14.0)
"""of so many of them, in inches"""
ERRORS = ("loss", "mse", "mae")
"""on a log scale where they span more than 10×, other metrics where they span more than 30×"""
INTERVAL = "95 % interval"
JITTER = 0.16
"""how far from a category its seeds are spread"""


def sweep(
    settings: Sequence[Any],
    path: str | os.PathLike[str],
    *,
    metric: str = "validation_loss",
    title: str = "",
) -> None:
    """Write the figure of `draw_sweep` as a PNG.

    Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
    not installed.
    """
    save(draw_sweep(settings, metric=metric, title=title), path)


def draw_sweep(
    settings: Sequence[Any], *, metric: str = "validation_loss", title: str = ""
) -> Figure:
    """The metric over each name that is varied, a panel a name.

    `settings` are those of a sweep, the best first, as `Sweep.settings(metric)` gives them. A
    dot is a seed, a line the mean over seeds, the band its 95 % interval. Where other names are
    varied too, they stand at the values that are best for each value of a panel's name; where a
    value occurs in one setting only (random draws, zipped axes), that setting is a point with its
    interval as a bar. A ring is round the best setting, a cross below values at which members
    diverged. The metric is on a log scale where it spans much.
    """
    names = varied_names(settings)
    panels = [_panel(settings, name, len(names) > 1) for name in names]
    across = min(max(len(panels), 1), ACROSS)
    down = max(-(-len(panels) // across), 1)
    figure = blank(WIDTHS[across - 1], 4.4 * down + (0.3 if title else 0), title)
    if not panels:
        nothing(figure.add_subplot())
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(down, across, number + 1)
        words = metric_words(metric)
        words += ", others at their best" if len(names) > 1 and not panel.alone else ""
        dress(axes, short(panel.name, 48), words, title=" ")
        panel.scale.apply(axes)
        _draw(axes, panel, metric)
        bars = [bar for setting in panel.settings for bar in (setting.low, setting.high)]
        limit(axes, metric, _seeds(panel, metric), bars)
        if number == 0:
            _legend(axes)
    return figure


def varied_names(settings: Sequence[Any]) -> list[str]:
    """The names that have several values among these settings, in order; all if none has."""
    names = list(dict.fromkeys(name for setting in settings for name in setting.settings))
    varied = [
        name
        for name in names
        if len({in_words(setting.settings.get(name), None) for setting in settings}) > 1
    ]
    return varied or names


def metric_words(metric: str) -> str:
    """`validation_r2` as it is called."""
    return metric.replace("r2", "R²").replace("_", " ")


class _Panel(NamedTuple):
    """One name: for each of its values the best setting, in order; alone where it is the only."""

    name: str
    scale: Scale
    settings: list[Any]
    alone: bool
    best: Any


def _panel(settings: Sequence[Any], name: str, several: bool) -> _Panel:
    scale = Scale(setting.settings.get(name) for setting in settings)
    first: dict[int, Any] = {}
    for setting in settings:  # the best come first
        first.setdefault(scale.index(setting.settings.get(name)), setting)
    alone = several and len(first) == len(settings)
    return _Panel(name, scale, [first[index] for index in sorted(first)], alone, settings[0])


def _draw(axes: Axes, panel: _Panel, metric: str) -> None:
    places = np.array([panel.scale.at(s.settings.get(panel.name)) for s in panel.settings])
    mean, low, high = np.array([(s.mean, s.low, s.high) for s in panel.settings], float).T
    there, known = np.isfinite(mean), np.isfinite(low)
    joined = panel.scale.numeric and not panel.alone and len(places) > 1
    _dots(axes, panel, places, metric)
    if joined:
        band: dict[str, Any] = {"color": BLUE, "alpha": 0.18, "linewidth": 0}
        axes.fill_between(places, low, high, where=known, label=_label(INTERVAL, known), **band)
    else:
        ends: dict[str, Any] = {"color": BLUE, "linewidth": 1.6, "label": _label(INTERVAL, known)}
        ends["alpha"] = 0.4 if panel.alone else 1
        axes.vlines(places[known], low[known], high[known], **ends)
    style: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 4.5, "linewidth": 1.6}
    line, label = "-" if joined else "none", _label("mean", known)
    axes.plot(places[there], mean[there], linestyle=line, label=label, **style)
    if np.isfinite(panel.best.mean):
        place = panel.scale.at(panel.best.settings.get(panel.name))
        ring: dict[str, Any] = {"mfc": "none", "mec": ORANGE, "mew": 2, "ms": 12, "zorder": 4}
        axes.plot(place, panel.best.mean, "o", label="best", **ring)
    _crosses(axes, places, np.array([s.diverged for s in panel.settings]))


def _legend(axes: Axes) -> None:
    """Above the panel, and over the next one where it is longer."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        style: dict[str, Any] = {"fontsize": 9, "frameon": False, "columnspacing": 1.2}
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.03, 0.99)}
        legend = axes.legend(handles, labels, ncols=len(handles), **style, **place)
        legend.set_in_layout(False)


def _label(words: str, there: np.ndarray) -> str | None:
    return words if there.any() else None


def _dots(axes: Axes, panel: _Panel, places: np.ndarray, metric: str) -> None:
    """Every seed; beside categories they are spread a little, so that equals can be told apart."""
    x, y = [], []
    for place, setting in zip(places, panel.settings, strict=True):
        values = [member.values.get(metric, np.nan) for member in setting.members]
        if len(values) > 1:
            spread = 0 if panel.scale.numeric else JITTER
            x.append(place + np.linspace(-spread, spread, len(values)))
            y.append(values)
    if x:
        style: dict[str, Any] = {"color": BLUE, "alpha": 0.3, "linewidths": 0, "label": "seed"}
        axes.scatter(np.concatenate(x), np.concatenate(y), s=14, **style)


def _crosses(axes: Axes, places: np.ndarray, diverged: np.ndarray) -> None:
    there = diverged > 0
    if there.any():
        low = axes.get_xaxis_transform()
        height = np.full(there.sum(), 0.03)
        style: dict[str, Any] = {"color": ORANGE, "transform": low, "label": "diverged"}
        axes.plot(places[there], height, "x", ms=7, mew=2, clip_on=False, **style)


def _seeds(panel: _Panel, metric: str) -> np.ndarray:
    members = [member for setting in panel.settings for member in setting.members]
    return np.array([member.values.get(metric, np.nan) for member in members], float)


def spans(metric: str, values: np.ndarray) -> bool:
    """Whether the metric goes on a log scale."""
    return wide_range(values, 10 if metric.endswith(ERRORS) else 30)


def limit(axes: Axes, metric: str, values: np.ndarray, bars: Sequence[float] = ()) -> None:
    """The metric's axis by what was measured.

    Intervals may reach beyond by half of that at most: those of two seeds would leave no room. R²
    has no lower bound, and what is far below would leave none either.
    """
    values = values[np.isfinite(values)]
    if values.size == 0:
        nothing(axes)
        axes.set_yticks([])
        return
    log = spans(metric, values)
    low, high = float(values.min()), float(values.max())
    if low < -1 < high:
        low = -1.0
    into, back = (np.log, np.exp) if log else (float, float)
    low, high = into(low), into(high)
    reach = 0.5 * (high - low) or 0.02 * (abs(high) or 1.0)
    ends = [into(bar) for bar in bars if np.isfinite(bar) and (bar > 0 or not log)]
    low, high = (
        min(low, max(min(ends, default=low), low - reach)),
        max(high, min(max(ends, default=high), high + reach)),
    )
    margin = 0.06 * (high - low) or reach
    axes.set_ylim(back(low - 1.4 * margin), back(high + margin))
    if log:
        log_scale(axes)
