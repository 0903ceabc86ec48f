"""A sweep's metric over each name that it varies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fnn.figures.metric_axis import limit, metric_words
from fnn.figures.style import (
    BLUE,
    ORANGE,
    Style,
    empty_note,
    legend_row,
    new_figure,
    save,
    style_axes,
    truncate,
)
from fnn.figures.sweeps.panels import Panel, drawn_values, panels, varied_names, was_pruned
from fnn.figures.sweeps.settings import SweepSetting

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
"""panels side by side"""
WIDTHS = (6.8, 10.4, 14.0)
"""of one, two and three of them, in inches"""
INTERVAL = "95 % interval"
FEW = 3
"""intervals of so few seeds are bars: by chance they differ too much for a band"""
JITTER = 0.16
"""how far from a category its seeds are spread"""
STRIP = 0.34
"""and how far all of its settings are"""
GOLDEN = (5**0.5 - 1) / 2
"""the fractional parts of its multiples are evenly distributed in [0, 1), however many"""


def sweep(
    settings: Sequence[SweepSetting],
    path: str | os.PathLike[str],
    *,
    metric: str = "validation_loss",
    every: bool = False,
    title: str = "",
) -> None:
    """Write the figure of `draw_sweep` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_sweep(settings, metric=metric, every=every, title=title), path)


def draw_sweep(
    settings: Sequence[SweepSetting],
    *,
    metric: str = "validation_loss",
    every: bool = False,
    title: str = "",
) -> Figure:
    """The metric over each name that is varied, a panel a name.

    `settings` are those of a sweep, the best first, as `SweepResult.settings(metric)` gives them. A
    small dot is a seed, a line the mean over seeds, the band its 95 % interval, or a bar where
    there are three seeds at most. The axis follows means and seeds: an arrow on the panel's edge
    marks an interval that extends beyond.

    Where other names are varied too, they have their best values for each value of a panel's name.
    With `every`, and where a name has a value of its own in every setting (random draws, zipped
    axes), all settings are drawn: pale beside the best one of the same value, and hollow where a
    search ended them early.

    A ring is around the best setting, a cross below values at which members diverged. The metric
    is on a log scale where it spans orders of magnitude.
    """
    names = varied_names(settings)
    drawn = panels(settings, names, every)
    across = min(max(len(drawn), 1), COLUMNS)
    down = max(-(-len(drawn) // across), 1)
    figure = new_figure(WIDTHS[across - 1], 4.4 * down + (0.3 if title else 0), title)
    if not drawn:
        empty_note(figure.add_subplot())
    for number, panel in enumerate(drawn):
        axes = figure.add_subplot(down, across, number + 1)
        label = metric_words(metric)
        label += ",\nothers at their best" if len(names) > 1 and not panel.scattered else ""
        style_axes(axes, truncate(panel.name, (48, 40, 36)[across - 1]), label, title=" ")
        panel.scale.apply(axes)
        bars = [bar for setting in panel.settings for bar in (setting.low, setting.high)]
        limit(axes, metric, drawn_values(panel, metric), bars)
        _draw(axes, panel, metric)
    _legend(figure)
    return figure


def _draw(axes: Axes, panel: Panel, metric: str) -> None:
    positions = panel.positions(panel.settings)
    mean, low, high = np.array([(s.mean, s.low, s.high) for s in panel.settings], float).T
    finite, with_interval = np.isfinite(mean), np.isfinite(low)
    joined = panel.scale.numeric and not panel.scattered and len(positions) > 1
    if panel.scattered:
        _others(axes, panel)
    _dots(axes, panel, positions, metric)
    few_seeds = max(len(setting.members) for setting in panel.settings) <= FEW
    _intervals(axes, positions, low, high, band=joined and not few_seeds)
    style: Style = {"color": BLUE, "marker": "o", "markersize": 4.5, "linewidth": 1.6}
    best_only = panel.scattered and bool(panel.others)
    visible = finite if best_only else with_interval
    style["label"] = _label("best of a value" if best_only else "mean", visible)
    axes.plot(positions[finite], mean[finite], linestyle="-" if joined else "none", **style)
    if np.isfinite(panel.best.mean):
        position = panel.scale.at(panel.best.settings.get(panel.name))
        ring: Style = {"mfc": "none", "mec": ORANGE, "mew": 2, "ms": 12, "zorder": 4}
        axes.plot(position, panel.best.mean, "o", label="best", **ring)
    _crosses(axes, positions, np.array([s.diverged for s in panel.settings]))


def _intervals(
    axes: Axes, positions: np.ndarray, low: np.ndarray, high: np.ndarray, *, band: bool
) -> None:
    """Draw them as a band or bars, with an arrow on the panel's edge where one extends beyond."""
    with_interval = np.isfinite(low)
    if not with_interval.any():
        return
    bottom, top = axes.get_ylim()
    bottoms = np.maximum(low, bottom / 10) if axes.get_yscale() == "log" else low
    style: Style = {"color": BLUE, "label": INTERVAL}
    if band:
        axes.fill_between(
            positions, bottoms, high, where=with_interval, alpha=0.18, linewidth=0, **style
        )
    else:
        axes.vlines(
            positions[with_interval],
            bottoms[with_interval],
            high[with_interval],
            alpha=0.4,
            linewidth=1.6,
            **style,
        )
    style = {"color": BLUE, "alpha": 0.6, "ms": 5, "mew": 0, "clip_on": False, "linestyle": "none"}
    style |= {"transform": axes.get_xaxis_transform(), "label": "goes on beyond"}
    for marker, cut, edge in (("v", low < bottom, 0.012), ("^", high > top, 0.988)):
        if cut.any():
            axes.plot(positions[cut], np.full(cut.sum(), edge), marker=marker, **style)


def _legend(figure: Figure) -> None:
    """One legend for all panels, above the first."""
    handles_by_label: dict[str, Artist] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        handles_by_label = dict(zip(labels, handles, strict=True)) | handles_by_label
    legend_row(figure.axes[0], list(handles_by_label.values()))


def _label(text: str, visible: np.ndarray) -> str | None:
    return text if visible.any() else None


def _others(axes: Axes, panel: Panel) -> None:
    """Draw settings that are not the best of their value; at categories they are spread."""
    positions = panel.positions(panel.others)
    if not panel.scale.numeric:
        positions += STRIP * (2 * (np.arange(len(positions)) * GOLDEN % 1) - 1)
    mean = np.array([setting.mean for setting in panel.others], float)
    pruned = np.array([was_pruned(setting) for setting in panel.others], bool)
    style: Style = {"color": BLUE, "alpha": 0.35, "linestyle": "none", "markersize": 4.5}
    for selected, label, face in ((~pruned, "setting", BLUE), (pruned, "let go early", "none")):
        visible = selected & np.isfinite(mean)
        style |= {"mfc": face, "label": _label(label, visible)}
        axes.plot(positions[visible], mean[visible], marker="o", **style)
    _crosses(axes, positions, np.array([s.diverged for s in panel.others]))


def _dots(axes: Axes, panel: Panel, positions: np.ndarray, metric: str) -> None:
    """Draw every seed; at categories they are spread a little, so that equal values are visible."""
    x, y = [], []
    for position, setting in zip(positions, panel.settings, strict=True):
        values = [member.values.get(metric, np.nan) for member in setting.members]
        if len(values) > 1:
            spread = 0 if panel.scale.numeric else JITTER
            x.append(position + np.linspace(-spread, spread, len(values)))
            y.append(values)
    if x:
        alpha = 0.6 if max(map(len, x)) <= FEW else 0.3
        style: Style = {"color": BLUE, "alpha": alpha, "linewidths": 0, "label": "seed"}
        axes.scatter(np.concatenate(x), np.concatenate(y), s=14, **style)


def _crosses(axes: Axes, positions: np.ndarray, diverged: np.ndarray) -> None:
    marked = diverged > 0
    if marked.any():
        low = axes.get_xaxis_transform()
        height = np.full(marked.sum(), 0.03)
        style: Style = {"color": ORANGE, "transform": low, "label": "diverged"}
        axes.plot(positions[marked], height, "x", ms=7, mew=2, clip_on=False, **style)
