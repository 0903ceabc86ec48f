"""Whether the spread of an ensemble's members tells how far off it is."""

from __future__ import annotations

import os
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    empty_note,
    legend_above,
    new_figure,
    save,
    style_axes,
)
from fnn.spec import ShapeError
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUPS = 10
"""of rows by their spread, of which each has an error of its own"""
LEVELS = np.arange(0.05, 1, 0.05)
"""shares of rows that intervals should hold"""


def predictive_spread(
    true: Any,
    mean: Any,
    spread: Any,
    path: str | os.PathLike[str],
    *,
    name: str = "target",
    title: str = "",
) -> None:
    """Write the figure of `draw_predictive_spread` as a PNG.

    Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
    not installed.
    """
    save(draw_predictive_spread(true, mean, spread, name=name, title=title), path)


def draw_predictive_spread(
    true: Any, mean: Any, spread: Any, *, name: str = "target", title: str = ""
) -> Figure:
    """The error over the spread, and how many rows lie within mean ± so many spreads.

    All three are (N,) or (N, 1) in the target's unit; `spread` is a standard deviation. On the left
    a point a row, and the root mean square error of ten groups of rows with the like spread. On
    the right the share of rows within the interval that should hold a share q of them if errors
    were normal with that deviation. Members agree about noise that none of them can know, so their
    spread alone covers less than it should wherever the target is noisy. Rows that are not finite
    are left out. Raises `ShapeError` for other shapes.
    """
    columns = {"true": true, "mean": mean, "spread": spread}
    true, mean, spread = (_column(values, place) for place, values in columns.items())
    if not true.shape == mean.shape == spread.shape:
        raise ShapeError(f"{true.size} rows are true, {mean.size} predicted, {spread.size} spread")
    there = np.isfinite(true) & np.isfinite(mean) & np.isfinite(spread)
    error, spread = np.abs(true - mean)[there], spread[there]
    figure = new_figure(10.8, 5.2 if title else 4.9, title)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    name = shorten(name, 32)
    style_axes(left, f"spread of the members, {name}", f"|error|, {name}")
    style_axes(right, "share of rows that should lie within", "share that does")
    if error.size == 0:
        empty_note(left)
        return figure
    _errors(left, error, spread)
    _coverage(right, error, spread)
    return figure


def _column(values: Any, place: str) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ShapeError(f"expected shape (N,) or (N, 1), got {values.shape}", place)
    return values


def _errors(axes: Axes, error: np.ndarray, spread: np.ndarray) -> None:
    alpha = float(np.clip(200 / error.size, 0.05, 0.5))
    axes.scatter(spread, error, s=14, color=BLUE, alpha=alpha, linewidths=0, label="a row")
    groups = np.array_split(np.argsort(spread, kind="stable"), min(GROUPS, error.size))
    x = [float(spread[group].mean()) for group in groups]
    y = [float(np.sqrt(np.square(error[group]).mean())) for group in groups]
    axes.plot(x, y, color=ORANGE, marker="o", markersize=5, label="root mean square error")
    high = float(np.quantile(spread, 0.99)) or 1.0
    axes.plot(
        [0, high], [0, high], color=GRAY, linestyle="--", linewidth=1.2, label="as the spread"
    )
    axes.set_xlim(0, 1.05 * max(high, max(x)))
    axes.set_ylim(0, 1.05 * max(float(np.quantile(error, 0.99)), *y, 1e-300))
    legend_above(axes)


def _coverage(axes: Axes, error: np.ndarray, spread: np.ndarray) -> None:
    reach = [NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS]
    held = [float((error <= z * spread).mean()) for z in reach]
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1.2, label="calibrated")
    axes.fill_between(LEVELS, LEVELS, held, color=ORANGE, alpha=0.2, linewidth=0)
    axes.plot(LEVELS, held, color=ORANGE, marker="o", markersize=4, label="mean ± z · spread")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    legend_above(axes)
