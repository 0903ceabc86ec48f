"""A sweep's metric over two of the names that it varies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.metric_axis import metric_words, spans
from fnn.figures.style import (
    GRAY,
    ORANGE,
    empty_note,
    log_scale,
    new_figure,
    save,
    style_axes,
    truncate,
)
from fnn.figures.sweeps.panels import varied_names
from fnn.figures.values import Scale, label_places
from fnn.spec import SpecError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

WRITTEN = 10
"""up to so many cells along both sides have their value written"""
FILLED = 0.5
"""share of the cells that a grid fills; settings that fill less are points"""


def sweep_map(
    settings: Sequence[Any],
    names: tuple[str, str],
    path: str | os.PathLike[str],
    *,
    metric: str = "validation_loss",
    higher: bool = False,
    title: str = "",
) -> None:
    """Write the figure of `draw_sweep_map` as a PNG.

    Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
    not installed.
    """
    save(draw_sweep_map(settings, names, metric=metric, higher=higher, title=title), path)


def draw_sweep_map(
    settings: Sequence[Any],
    names: tuple[str, str],
    *,
    metric: str = "validation_loss",
    higher: bool = False,
    title: str = "",
) -> Figure:
    """The mean over seeds as a color, over two names that are varied.

    `settings` are those of a sweep, the best first, as `SweepResult.settings(metric)` gives them;
    `higher` says that the largest is best; what is best is bright.
    Crossed values make cells, with their means written where there are few; settings drawn at
    random are points. Where more names are varied, they stand at the values that are best for a
    cell. A ring is round the best; gray cells have no finite value, empty ones no member. Raises
    `SpecError` for a name that has one value only.
    """
    varied = varied_names(settings)
    for name in names:
        if name not in varied:
            raise SpecError(f"expected names with several values, such as {varied}, got {name!r}")
    across, down = (Scale(s.settings.get(name) for s in settings) for name in names)
    first: dict[tuple[int, int], Any] = {}
    for setting in settings:  # the best come first
        x, y = (setting.settings.get(name) for name in names)
        first.setdefault((down.index(y), across.index(x)), setting)
    sparse = len(first) < FILLED * len(across.values) * len(down.values)
    points = sparse and across.numeric and down.numeric
    figure = new_figure(*(8.4, 6.2) if points else _size(across, down), title)
    axes = figure.add_subplot()
    style_axes(axes, *(truncate(name, 40) for name in names))
    means = np.array([setting.mean for setting in first.values()])
    if not np.isfinite(means).any():
        empty_note(axes)
        return figure
    colors, norm = _colors(means, metric, higher)
    image = (_points if points else _cells)(axes, across, down, first, colors, norm)
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
    if spans(metric, means):
        log_scale(bar.ax)
    others = ", others at their best" if len(varied) > 2 else ""
    bar.set_label(metric_words(metric) + others, fontsize=11)
    bar.outline.set_visible(False)
    return figure


def _size(across: Scale, down: Scale) -> tuple[float, float]:
    wide, high = (min(max(0.75 * len(s.values), 4.6), 8.5) for s in (across, down))
    return wide + 2.6, 0.8 * high + 1.6


def _colors(means: np.ndarray, metric: str, higher: bool) -> tuple[Colormap, Normalize]:
    """Good values are bright, for the color-blind too."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, Normalize

    found = means[np.isfinite(means)]
    low, high = float(found.min()), float(found.max())
    if low < -1 < high and higher:  # R² has no lower bound
        low = -1.0
    kind = LogNorm if spans(metric, found) else Normalize
    colors = colormaps["cividis" if higher else "cividis_r"]
    return colors, kind(low, high if high > low else low + (abs(low) or 1.0))


def _cells(
    axes: Axes,
    across: Scale,
    down: Scale,
    first: dict[tuple[int, int], Any],
    colors: Colormap,
    norm: Normalize,
) -> Any:
    cells = np.full((len(down.values), len(across.values)), np.nan)
    for place, setting in first.items():
        cells[place] = setting.mean
    axes.grid(False)
    axes.set_facecolor("white")
    for y, x in (place for place in first if not np.isfinite(cells[place])):
        axes.fill_between([x - 0.5, x + 0.5], y - 0.5, y + 0.5, color="#d9d9d9", linewidth=0)
    image = axes.imshow(cells, cmap=colors, norm=norm, aspect="auto", origin="lower")
    label_places(axes, across.values, "x")
    label_places(axes, down.values, "y")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if max(cells.shape) <= WRITTEN:
        for (y, x), mean in np.ndenumerate(cells):
            if (y, x) in first:
                _write(axes, x, y, float(mean), colors(norm(mean)))
    y, x = next(iter(first))
    for color, width in (("white", 5.0), (ORANGE, 2.5)):
        box: dict[str, Any] = {"color": color, "linewidth": width, "clip_on": False}
        axes.plot(x + np.array([-1, 1, 1, -1, -1]) / 2, y + np.array([-1, -1, 1, 1, -1]) / 2, **box)
    return image


def _write(axes: Axes, x: int, y: int, mean: float, color: Any) -> None:
    """The value in a cell, so that it can be read on the cell's color."""
    if not np.isfinite(mean):
        axes.text(x, y, "–", ha="center", va="center", color=GRAY)
        return
    bright = np.dot(color[:3], (0.299, 0.587, 0.114)) > 0.5
    ink = "black" if bright else "white"
    axes.text(x, y, f"{mean:#.4g}".rstrip("."), ha="center", va="center", fontsize=9, color=ink)


def _points(
    axes: Axes,
    across: Scale,
    down: Scale,
    first: dict[tuple[int, int], Any],
    colors: Colormap,
    norm: Normalize,
) -> Any:
    """A point a setting, at its numbers."""
    places = np.array([(across.values[x], down.values[y]) for y, x in first], float)
    means = np.array([setting.mean for setting in first.values()])
    there = np.isfinite(means)
    across.apply(axes, "x")
    down.apply(axes, "y")
    axes.plot(*places[~there].T, "x", color=GRAY, ms=6)
    x, y = places[there].T
    style: dict[str, Any] = {"cmap": colors, "norm": norm, "edgecolors": GRAY, "linewidths": 0.6}
    image = axes.scatter(x, y, s=60, c=means[there], **style)
    axes.plot(*places[0], "o", mfc="none", mec=ORANGE, mew=2.5, ms=14)
    return image
