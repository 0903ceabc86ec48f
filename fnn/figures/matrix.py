"""The confusion matrix."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fnn.figures.style import GRAY, Style, new_figure, save, style_axes
from fnn.spec import ShapeError
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_WRITTEN = 20
"""of more classes the counts are not written"""
NAME_LENGTH = 24
"""letters of a class's name"""
MAX_NAMES = 60
"""of more classes only some are named"""


def confusion_matrix(
    counts: ArrayLike, classes: Sequence[object], path: str | os.PathLike[str], title: str = ""
) -> None:
    """Write the figure of `draw_confusion_matrix` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_confusion_matrix(counts, classes, title), path)


def draw_confusion_matrix(counts: ArrayLike, classes: Sequence[object], title: str = "") -> Figure:
    """True classes down, predicted classes across; `counts` as `fnn.metrics.confusion` gives them.

    The color is the share of the true class, on a scale that shows small shares. With more than
    20 classes the counts are not written. Raises `ShapeError` where `classes`, their
    names, are not as many as the counts.
    """
    counts = np.asarray(counts)
    size = len(classes)
    if counts.shape != (size, size):
        raise ShapeError(f"{size} classes need counts of shape {(size, size)}, got {counts.shape}")
    rows = counts.sum(1, keepdims=True)
    fractions = counts / np.maximum(rows, 1)
    names = [shorten(str(name), NAME_LENGTH) for name in classes]

    margin = (0.075 if size <= MAX_WRITTEN else 0.055) * max(map(len, names), default=0)
    side = min(max(0.52 * size, 3.5), 8.5 - margin)
    figure = new_figure(max(side + 2.2 + margin, 8.2), side + 1.4 + 0.7 * margin, title)
    axes = figure.add_subplot()
    style_axes(axes, "predicted", "true")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    from matplotlib.colors import PowerNorm

    image = axes.imshow(fractions, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    _name_ticks(axes, names)
    if size <= MAX_WRITTEN:
        _write_counts(axes, counts, fractions)
        _write_recall(axes, counts, rows[:, 0])
    else:
        bar = figure.colorbar(image, ax=axes, shrink=0.8, fraction=0.05, pad=0.03)
        bar.set_label("share of the true class", fontsize=11)
        bar.outline.set_visible(False)
    return figure


def _name_ticks(axes: Axes, names: Sequence[str]) -> None:
    size = len(names)
    ticks = range(0, size, -(-size // MAX_NAMES))
    labels = [names[tick] for tick in ticks]
    font = 10 if size <= MAX_WRITTEN else 7
    rotated = max(map(len, labels), default=0) > (3 if size > 10 else 6)
    axes.set_xticks(ticks, labels, fontsize=font, parse_math=False)
    axes.set_yticks(ticks, labels, fontsize=font, parse_math=False)
    if rotated:
        for label in axes.get_xticklabels():
            style = (
                {"rotation": 90, "va": "center"}
                if size > MAX_WRITTEN
                else {"rotation": 45, "va": "top"}
            )
            label.set(ha="right", rotation_mode="anchor", **style)
    axes.tick_params(length=0)


def _write_counts(axes: Axes, counts: np.ndarray, fractions: np.ndarray) -> None:
    texts = [[_format_count(count, thousands=len(counts) > 8) for count in row] for row in counts]
    length = max(len(word) for row in texts for word in row)
    font = 10 if length * len(counts) <= 50 else 8 if length * len(counts) <= 80 else 7
    for row, column in zip(*np.nonzero(counts), strict=True):
        color = "white" if fractions[row, column] > 0.35 else "#202124"
        text = texts[row][column]
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=font)


def _format_count(count: int, *, thousands: bool) -> str:
    return f"{count / 1000:.0f}k" if thousands and count >= 10000 else f"{count:,}"


def _write_recall(axes: Axes, counts: np.ndarray, rows: np.ndarray) -> None:
    offset: Style = {"textcoords": "offset points", "color": GRAY, "fontsize": 10}
    axes.annotate("recall", (1, 1), xycoords="axes fraction", xytext=(8, 6), **offset)
    transform = axes.get_yaxis_transform()
    for row, (correct, total) in enumerate(zip(counts.diagonal(), rows, strict=True)):
        text = f"{correct / total:.3f}" if total else "–"
        axes.annotate(text, (1, row), xycoords=transform, xytext=(8, 0), va="center", **offset)
