"""A sweep's metric over two of its names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fnn.figures.metric_axis import metric_words, spans
from fnn.figures.style import (
    GRAY,
    ORANGE,
    Style,
    empty_note,
    log_scale,
    new_figure,
    save,
    style_axes,
    truncate,
)
from fnn.figures.sweeps.panels import varied_names
from fnn.figures.sweeps.settings import SweepSetting
from fnn.figures.values import Scale, label_places
from fnn.spec import SpecError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

BestOfCell: TypeAlias = dict[tuple[int, int], SweepSetting]
MAX_WRITTEN = 10
"""with at most so many cells a side their values are written"""
GRID_FRACTION = 0.5
"""a grid fills at least this fraction of its cells; other settings are drawn as points"""


def sweep_map(
    settings: Sequence[SweepSetting],
    names: tuple[str, str],
    path: str | os.PathLike[str],
    *,
    metric: str = "validation_loss",
    higher: bool = False,
    title: str = "",
) -> None:
    """Write the figure of `draw_sweep_map` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_sweep_map(settings, names, metric=metric, higher=higher, title=title), path)


def draw_sweep_map(
    settings: Sequence[SweepSetting],
    names: tuple[str, str],
    *,
    metric: str = "validation_loss",
    higher: bool = False,
    title: str = "",
) -> Figure:
    """The mean over seeds as a color, over two names that are varied.

    `settings` are those of a sweep, the best first, as `SweepResult.settings(metric)` gives them;
    `higher` says that the largest is best; the best is bright.
    Crossed values make cells, with their means written where there are few; settings drawn at
    random are points. Where more names are varied, a cell is that of their best
    values. A ring is around the best; gray cells have no finite value, empty ones no member. Raises
    `SpecError` for a name that has one value only.
    """
    varied = varied_names(settings)
    for name in names:
        if name not in varied:
            raise SpecError(f"expected names with several values, such as {varied}, got {name!r}")
    across, down = (Scale(s.settings.get(name) for s in settings) for name in names)
    best_of_cell: BestOfCell = {}
    for setting in settings:  # the best come first
        x, y = (setting.settings.get(name) for name in names)
        best_of_cell.setdefault((down.index(y), across.index(x)), setting)
    sparse = len(best_of_cell) < GRID_FRACTION * len(across.values) * len(down.values)
    points = sparse and across.numeric and down.numeric
    figure = new_figure(*(8.4, 6.2) if points else _size(across, down), title)
    axes = figure.add_subplot()
    style_axes(axes, *(truncate(name, 40) for name in names))
    means = np.array([setting.mean for setting in best_of_cell.values()])
    if not np.isfinite(means).any():
        empty_note(axes)
        return figure
    colors, norm = _colors(means, metric, higher)
    image = (_points if points else _cells)(axes, across, down, best_of_cell, colors, norm)
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
    if spans(metric, means):
        log_scale(bar.ax)
    note = ", others at their best" if len(varied) > 2 else ""
    bar.set_label(metric_words(metric) + note, fontsize=11)
    bar.outline.set_visible(False)
    return figure


def _size(across: Scale, down: Scale) -> tuple[float, float]:
    width, height = (min(max(0.75 * len(s.values), 4.6), 8.5) for s in (across, down))
    return width + 2.6, 0.8 * height + 1.6


def _colors(means: np.ndarray, metric: str, higher: bool) -> tuple[Colormap, Normalize]:
    """Good values are bright, for the color-blind too."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, Normalize

    finite = means[np.isfinite(means)]
    low, height = float(finite.min()), float(finite.max())
    if low < -1 < height and higher:  # R² has no lower bound
        low = -1.0
    norm = LogNorm if spans(metric, finite) else Normalize
    colors = colormaps["cividis" if higher else "cividis_r"]
    return colors, norm(low, height if height > low else low + (abs(low) or 1.0))


def _cells(
    axes: Axes,
    across: Scale,
    down: Scale,
    best_of_cell: BestOfCell,
    colors: Colormap,
    norm: Normalize,
) -> ScalarMappable:
    cells = np.full((len(down.values), len(across.values)), np.nan)
    for cell, setting in best_of_cell.items():
        cells[cell] = setting.mean
    axes.grid(False)
    axes.set_facecolor("white")
    for y, x in (cell for cell in best_of_cell if not np.isfinite(cells[cell])):
        axes.fill_between([x - 0.5, x + 0.5], y - 0.5, y + 0.5, color="#d9d9d9", linewidth=0)
    image = axes.imshow(cells, cmap=colors, norm=norm, aspect="auto", origin="lower")
    label_places(axes, across.values, "x")
    label_places(axes, down.values, "y")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if max(cells.shape) <= MAX_WRITTEN:
        for (y, x), mean in np.ndenumerate(cells):
            if (y, x) in best_of_cell:
                _write_mean(axes, x, y, float(mean), colors(norm(mean)))
    y, x = next(iter(best_of_cell))
    for color, width in (("white", 5.0), (ORANGE, 2.5)):
        box: Style = {"color": color, "linewidth": width, "clip_on": False}
        axes.plot(x + np.array([-1, 1, 1, -1, -1]) / 2, y + np.array([-1, -1, 1, 1, -1]) / 2, **box)
    return image


def _write_mean(
    axes: Axes, x: int, y: int, mean: float, color: tuple[float, float, float, float]
) -> None:
    """Write the value into a cell, in a color that is legible on the cell's own."""
    if not np.isfinite(mean):
        axes.text(x, y, "–", ha="center", va="center", color=GRAY)
        return
    bright = np.dot(color[:3], (0.299, 0.587, 0.114)) > 0.5
    text_color = "black" if bright else "white"
    axes.text(
        x, y, f"{mean:#.4g}".rstrip("."), ha="center", va="center", fontsize=9, color=text_color
    )


def _points(
    axes: Axes,
    across: Scale,
    down: Scale,
    best_of_cell: BestOfCell,
    colors: Colormap,
    norm: Normalize,
) -> ScalarMappable:
    """Draw a point a setting, at its numbers."""
    places = np.array([(across.values[x], down.values[y]) for y, x in best_of_cell], float)
    means = np.array([setting.mean for setting in best_of_cell.values()])
    finite = np.isfinite(means)
    across.apply(axes, "x")
    down.apply(axes, "y")
    axes.plot(*places[~finite].T, "x", color=GRAY, ms=6)
    x, y = places[finite].T
    style: Style = {"cmap": colors, "norm": norm, "edgecolors": GRAY, "linewidths": 0.6}
    image = axes.scatter(x, y, s=60, c=means[finite], **style)
    axes.plot(*places[0], "o", mfc="none", mec=ORANGE, mew=2.5, ms=14)
    return image
