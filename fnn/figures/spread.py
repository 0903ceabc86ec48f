"""The spread of an ensemble's members against its error."""

from __future__ import annotations

import os
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fnn.figures.columns import as_column
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
"""groups of rows by their spread, each with its root mean square error"""
LEVELS = np.arange(0.05, 1, 0.05)
"""fractions of rows that intervals should cover"""


def predictive_spread(
    true: ArrayLike,
    mean: ArrayLike,
    spread: ArrayLike,
    path: str | os.PathLike[str],
    *,
    name: str = "target",
    title: str = "",
) -> None:
    """Write the figure of `draw_predictive_spread` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_predictive_spread(true, mean, spread, name=name, title=title), path)


def draw_predictive_spread(
    true: ArrayLike, mean: ArrayLike, spread: ArrayLike, *, name: str = "target", title: str = ""
) -> Figure:
    """The error over the spread, and how many rows lie within mean ± so many spreads.

    All three are (N,) or (N, 1) in the target's unit; `spread` is a standard deviation. On the left
    a point a row, and the root mean square error of ten groups of rows with the like spread. On
    the right the share of rows within the interval that should hold a share q of them if errors
    were normal with that deviation. Members agree about noise that none of them can know, so their
    spread alone covers less than it should wherever the target is noisy. Rows that are not finite
    are left out. Raises `ShapeError` for other shapes.
    """
    rows, means = as_column(true, "true"), as_column(mean, "mean")
    spreads = as_column(spread, "spread")
    if not rows.shape == means.shape == spreads.shape:
        raise ShapeError(
            f"{rows.size} rows are true, {means.size} predicted, {spreads.size} spread"
        )
    finite = np.isfinite(rows) & np.isfinite(means) & np.isfinite(spreads)
    error, spreads = np.abs(rows - means)[finite], spreads[finite]
    figure = new_figure(10.8, 5.2 if title else 4.9, title)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    name = shorten(name, 32)
    style_axes(left, f"spread of the members, {name}", f"|error|, {name}")
    style_axes(right, "share of rows that should lie within", "share that does")
    if error.size == 0:
        empty_note(left)
        return figure
    _errors(left, error, spreads)
    _coverage(right, error, spreads)
    return figure


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
    quantiles = [NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS]
    covered = [float((error <= z * spread).mean()) for z in quantiles]
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1.2, label="calibrated")
    axes.fill_between(LEVELS, LEVELS, covered, color=ORANGE, alpha=0.2, linewidth=0)
    axes.plot(LEVELS, covered, color=ORANGE, marker="o", markersize=4, label="mean ± z · spread")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    legend_above(axes)
