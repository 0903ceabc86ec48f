"""Predicted against true numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fnn.figures.columns import as_column
from fnn.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    corner_text,
    empty_note,
    new_figure,
    save,
    style_axes,
)
from fnn.spec import ShapeError
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 5000
"""more rows than these are binned in hexagons"""


def predicted_against_true(
    true: ArrayLike,
    predicted: ArrayLike,
    path: str | os.PathLike[str],
    *,
    name: str = "target",
    title: str = "",
) -> None:
    """Write the figure of `draw_predicted_against_true` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_predicted_against_true(true, predicted, name=name, title=title), path)


def draw_predicted_against_true(
    true: ArrayLike, predicted: ArrayLike, *, name: str = "target", title: str = ""
) -> Figure:
    """A point a row, the diagonal where both are equal, R² and the mean absolute error.

    Both are (N,) or (N, 1) in the target's unit. The axes span the true numbers and up to
    a quarter of that beyond; how many predictions lie outside, or are not finite, is written. R²
    and the error are of all finite rows. Raises `ShapeError` for other shapes.
    """
    rows, predictions = as_column(true, "true"), as_column(predicted, "predicted")
    if rows.shape != predictions.shape:
        raise ShapeError(f"{rows.size} numbers are true, {predictions.size} are predicted")
    figure = new_figure(8.4, 7.2, title)
    axes = figure.add_subplot()
    style_axes(axes, f"true {shorten(name, 56)}", f"predicted {shorten(name, 56)}")
    finite = np.isfinite(rows) & np.isfinite(predictions)
    missing = int(finite.size - finite.sum())
    rows, predictions = rows[finite], predictions[finite]
    if rows.size == 0:
        empty_note(axes)
        return figure
    low, high = _limits(rows, predictions)
    if rows.size > POINTS:
        _hexagons(axes, rows, predictions, low, high)
    else:
        alpha = float(np.clip(200 / rows.size, 0.25, 0.8))
        axes.scatter(rows, predictions, s=18, color=BLUE, alpha=alpha, linewidths=0)
    axes.plot([low, high], [low, high], color=ORANGE, linewidth=1.2)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    if 1e4 <= max(abs(low), abs(high)) < 1e9:
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,.0f}")
    outside = int(((predictions < low) | (predictions > high)).sum())
    _write_scores(axes, rows, predictions, outside, missing)
    return figure


def _limits(true: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Limits of both axes: all true numbers, and predictions up to a quarter beyond them."""
    low, high = float(true.min()), float(true.max())
    margin_beyond = 0.25 * (high - low) or float(np.abs(predicted - low).max())
    low = min(low, max(float(predicted.min()), low - margin_beyond))
    high = max(high, min(float(predicted.max()), high + margin_beyond))
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


def _write_scores(
    axes: Axes, true: np.ndarray, predicted: np.ndarray, outside: int, missing: int
) -> None:
    spread = np.square(true - true.mean()).sum()
    r2 = f"{1 - np.square(predicted - true).sum() / spread:.4f}" if spread > 0 else "–"
    error = np.abs(predicted - true).mean()
    mae = f"{error:,.0f}" if 1e3 <= error < 1e9 else f"{error:.4g}"
    lines = [f"R² {r2}", f"MAE {mae}", f"{true.size:,} rows"]
    lines += [f"{outside:,} outside"] if outside else []
    lines += [f"{missing:,} not finite"] if missing else []
    corner_text(axes, lines, GRAY, alpha=0.8)
