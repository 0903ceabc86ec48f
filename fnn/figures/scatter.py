"""How near the predicted numbers are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.style import BLUE, GRAY, ORANGE, corner, empty_note, new_figure, save, style_axes
from fnn.spec import ShapeError
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 5000
"""more rows than this are counted in hexagons"""


def predicted_against_true(
    true: Any,
    predicted: Any,
    path: str | os.PathLike[str],
    *,
    name: str = "target",
    title: str = "",
) -> None:
    """Write the figure of `draw_predicted_against_true` as a PNG.

    Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
    not installed.
    """
    save(draw_predicted_against_true(true, predicted, name=name, title=title), path)


def draw_predicted_against_true(
    true: Any, predicted: Any, *, name: str = "target", title: str = ""
) -> Figure:
    """A point a row, the diagonal where both are equal, R² and the mean absolute error.

    Both are (N,) or (N, 1) in the target's unit. The axes reach as far as what is true and a
    quarter of that beyond; how many predictions lie outside, or are not finite, is written. R² and
    the error are of all finite rows. Raises `ShapeError` for other shapes.
    """
    true, predicted = _column(true, "true"), _column(predicted, "predicted")
    if true.shape != predicted.shape:
        raise ShapeError(f"{true.size} numbers are true, {predicted.size} are predicted")
    figure = new_figure(8.4, 7.2, title)
    axes = figure.add_subplot()
    style_axes(axes, f"true {shorten(name, 56)}", f"predicted {shorten(name, 56)}")
    there = np.isfinite(true) & np.isfinite(predicted)
    missing = int(there.size - there.sum())
    true, predicted = true[there], predicted[there]
    if true.size == 0:
        empty_note(axes)
        return figure
    low, high = _limits(true, predicted)
    if true.size > POINTS:
        _hexagons(axes, true, predicted, low, high)
    else:
        alpha = float(np.clip(200 / true.size, 0.25, 0.8))
        axes.scatter(true, predicted, s=18, color=BLUE, alpha=alpha, linewidths=0)
    axes.plot([low, high], [low, high], color=ORANGE, linewidth=1.2)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    if 1e4 <= max(abs(low), abs(high)) < 1e9:
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,.0f}")
    outside = int(((predicted < low) | (predicted > high)).sum())
    _corner(axes, true, predicted, outside, missing)
    return figure


def _column(values: Any, place: str) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ShapeError(f"expected shape (N,) or (N, 1), got {values.shape}", place)
    return values


def _limits(true: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """The same for both axes: all that is true, and predictions up to a quarter of it beyond."""
    low, high = float(true.min()), float(true.max())
    reach = 0.25 * (high - low) or float(np.abs(predicted - low).max())
    low = min(low, max(float(predicted.min()), low - reach))
    high = max(high, min(float(predicted.max()), high + reach))
    margin = 0.03 * (high - low) or 0.03 * abs(high) or 1.0
    return low - margin, high + margin


def _hexagons(axes: Axes, true: np.ndarray, predicted: np.ndarray, low: float, high: float) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    image = axes.hexbin(
        true,
        predicted,
        gridsize=70,
        extent=(low, high, low, high),
        bins="log",
        mincnt=1,
        cmap=ListedColormap(colormaps["Blues"](np.linspace(0.25, 1, 256))),
        linewidths=0,
    )
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8, fraction=0.05, pad=0.03, format="{x:g}")
    bar.set_label("rows", fontsize=11)
    bar.outline.set_visible(False)


def _corner(
    axes: Axes, true: np.ndarray, predicted: np.ndarray, outside: int, missing: int
) -> None:
    spread = np.square(true - true.mean()).sum()
    r2 = f"{1 - np.square(predicted - true).sum() / spread:.4f}" if spread > 0 else "–"
    error = np.abs(predicted - true).mean()
    words = f"{error:,.0f}" if 1e3 <= error < 1e9 else f"{error:.4g}"
    lines = [f"R² {r2}", f"MAE {words}", f"{true.size:,} rows"]
    lines += [f"{outside:,} outside"] if outside else []
    lines += [f"{missing:,} not finite"] if missing else []
    corner(axes, lines, GRAY, alpha=0.8)
