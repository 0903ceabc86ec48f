"""Reliability diagrams: accuracy over confidence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike

from fnn.figures.style import (
    BLUE,
    COLORS,
    GRAY,
    ORANGE,
    Style,
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

COLUMNS = 3
"""models side by side"""
GREEN = COLORS[2]


class ReliabilityBins(Protocol):
    """Rows by confidence, as `fnn.metrics.Reliability` holds them, (B,) each."""

    @property
    def rows(self) -> ArrayLike: ...

    @property
    def confidence(self) -> ArrayLike: ...

    @property
    def accuracy(self) -> ArrayLike: ...


def reliability_diagram(
    models: Mapping[str, ReliabilityBins],
    path: str | os.PathLike[str],
    *,
    scores: Mapping[str, Mapping[str, float]] | None = None,
    title: str = "",
) -> None:
    """Write the figure of `draw_reliability_diagram` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_reliability_diagram(models, scores=scores, title=title), path)


def draw_reliability_diagram(
    models: Mapping[str, ReliabilityBins],
    *,
    scores: Mapping[str, Mapping[str, float]] | None = None,
    title: str = "",
) -> Figure:
    """Accuracy over confidence in bins, a panel a model, over the confidences' histogram.

    `models` are bins by the model's name, as `fnn.metrics.reliability` gives them: rows,
    confidence and accuracy, (B,) each. The shaded part of a bar is the gap between a bin's
    accuracy and its mean confidence: orange where the network is overconfident, green where it is
    underconfident. Lines in the histogram are the mean confidence and the accuracy of all
    rows. `scores` are numbers to write above a model's panel, by name (ECE, Brier, NLL); x begins
    at the first confidence of any model.
    Raises `ShapeError` for bins of different numbers.
    """
    bins_by_model = {name: _bins(name, bins) for name, bins in models.items()}
    across = min(max(len(bins_by_model), 1), COLUMNS)
    down = max(-(-len(bins_by_model) // across), 1)
    height = 6.1 * down + 0.4
    figure = new_figure((7.8, 9.6, 11.2)[across - 1], height + (0.4 if title else 0), title)
    grid = figure.add_gridspec(1 + down, across, height_ratios=[0.15, *[4] * down])
    low = min((_lowest(bins[0]) for bins in bins_by_model.values()), default=0.0)
    largest = max((float(_fractions(bins[0]).max()) for bins in bins_by_model.values()), default=0)
    for number, (name, (rows, confidence, accuracy)) in enumerate(bins_by_model.items()):
        first = number % across == 0
        cell = grid[1 + number // across, number % across]
        halves = cell.subgridspec(2, 1, height_ratios=[3, 1], hspace=0.08)
        diagram = figure.add_subplot(halves[0])
        histogram = figure.add_subplot(halves[1], sharex=diagram)
        histogram.set_ylim(0, min(1.05 * (largest or 1.0), 1))
        style_axes(diagram, "", "accuracy" if first else "")
        style_axes(histogram, "confidence", "share of rows" if first else "")
        diagram.tick_params(labelbottom=False)
        diagram.set(xlim=(low, 1), ylim=(0, 1))
        if rows.sum() == 0:
            empty_note(diagram)
            diagram.set_title(shorten(name, 40), fontsize=12, parse_math=False)
            continue
        _diagram(diagram, rows, confidence, accuracy)
        _histogram(histogram, rows, confidence, accuracy)
        _write_title(diagram, name, (scores or {}).get(name, {}), rows, confidence, accuracy)
    if bins_by_model:
        _legend(figure.add_subplot(grid[0, :]))
    return figure


def _bins(name: str, bins: ReliabilityBins) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, confidence, accuracy = (
        np.asarray(getattr(bins, field), float) for field in ("rows", "confidence", "accuracy")
    )
    shapes = {rows.shape, confidence.shape, accuracy.shape}
    if rows.ndim != 1 or len(shapes) > 1:
        raise ShapeError(f"expected three rows of bins, got shapes {sorted(shapes)}", name)
    return rows, confidence, accuracy


def _fractions(rows: np.ndarray) -> np.ndarray:
    fractions: np.ndarray = rows / (rows.sum() or 1)
    return fractions


def _lowest(rows: np.ndarray) -> float:
    """The lower edge of the first bin with rows in it."""
    filled = np.flatnonzero(rows)
    return float(filled[0] / len(rows)) if filled.size else 0.0


def _diagram(axes: Axes, rows: np.ndarray, confidence: np.ndarray, accuracy: np.ndarray) -> None:
    """Solid up to where confidence and accuracy agree, shaded from there to the larger of them."""
    width, filled = 1 / len(rows), rows > 0
    centers = (np.flatnonzero(filled) + 0.5) * width
    low, gap = np.minimum(confidence, accuracy)[filled], (confidence - accuracy)[filled]
    axes.bar(centers, low, 0.9 * width, color=BLUE, alpha=0.85)
    for color, size in ((ORANGE, gap), (GREEN, -gap)):
        positive = size > 0
        axes.bar(
            centers[positive],
            size[positive],
            0.9 * width,
            bottom=low[positive],
            **_shading(color),
        )
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1.2)


def _shading(color: str) -> Style:
    return {"facecolor": color + "44", "edgecolor": color, "linewidth": 0.8, "hatch": "////"}


def _legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=GRAY, linestyle="--", linewidth=1.2, label="calibrated"),
        Patch(color=BLUE, alpha=0.85, label="accuracy"),
        Patch(**_shading(ORANGE), label="gap: too sure"),
        Patch(**_shading(GREEN), label="gap: too unsure"),
        Line2D([], [], color=ORANGE, linewidth=1.6, label="confidence of all rows"),
        Line2D([], [], color=BLUE, linewidth=1.6, label="accuracy of all rows"),
    ]
    axes.set_axis_off()
    axes.legend(handles=handles, ncols=3, loc="center", fontsize=9, frameon=False)


def _histogram(axes: Axes, rows: np.ndarray, confidence: np.ndarray, accuracy: np.ndarray) -> None:
    width, fractions = 1 / len(rows), _fractions(rows)
    axes.bar((np.arange(len(rows)) + 0.5) * width, fractions, 0.9 * width, color=GRAY, alpha=0.55)
    for values, color in ((confidence, ORANGE), (accuracy, BLUE)):
        axes.axvline(_mean(rows, values), color=color, linewidth=1.6)


def _mean(rows: np.ndarray, values: np.ndarray) -> float:
    """The mean over all rows of values by bin."""
    return float((_fractions(rows) * np.where(rows > 0, values, 0)).sum())


def _write_title(
    axes: Axes,
    name: str,
    scores: Mapping[str, float],
    rows: np.ndarray,
    confidence: np.ndarray,
    accuracy: np.ndarray,
) -> None:
    """The model's name above its panel, and between them in small print its scores."""
    total = rows.sum()
    rows_text = f"{total:,.0f} rows" if total == int(total) else f"rows of weight {total:,.1f}"
    means = f"confidence {_mean(rows, confidence):.3f} · accuracy {_mean(rows, accuracy):.3f}"
    lines = [" · ".join(f"{score} {value:.4f}" for score, value in scores.items())]
    lines = [line for line in (*lines, f"{means} · {rows_text}") if line]
    axes.set_title(shorten(name, 40), fontsize=12, pad=6 + 13 * len(lines), parse_math=False)
    style: Style = {"ha": "center", "fontsize": 8.5, "color": GRAY}
    position: Style = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate("\n".join(lines), (0.5, 1), xytext=(0, 4), **position, **style)
