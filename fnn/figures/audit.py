"""The differences of an audit over the step size, above a heat map of its worst leaf."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fnn.figures.audited import AuditedLeaf, StepLadder
from fnn.figures.heat_map import flat, heat_map
from fnn.figures.style import BLUE, GRAY, ORANGE, empty_note, new_figure, save, style_axes
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS, ACROSS = 12, 4
"""the most leaves that are drawn, and how many side by side"""
NAME_LENGTH = 28
"""the longest path over a panel"""


def gradient_audit(
    rows: Sequence[AuditedLeaf], path: str | os.PathLike[str], *, title: str = ""
) -> None:
    """Write the figure of `draw_gradient_audit` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_gradient_audit(rows, title=title), path)


def draw_gradient_audit(rows: Sequence[AuditedLeaf], *, title: str = "") -> Figure:
    """A panel a leaf, at most 12 and those first that are not PASS, over a heat map of the worst.

    `rows` are an audit's. A panel shows |slope(h) − claimed| over the step h along the direction
    of the row's `ladder`, the noise of the slopes as a dashed line, and |chosen − claimed| as a
    dotted one, with a ring at the step whose slope is nearest to the chosen value. The heat map
    (`heat_map`) shows |claimed − automatic| over two axes of the leaf that is furthest above its
    detection limit; it is omitted where no row holds such errors. A difference of exactly 0 is
    drawn at a panel's bottom.
    """
    drawn_rows = [(row, row.ladder) for row in rows if row.ladder is not None]
    drawn_rows = sorted(drawn_rows, key=lambda pair: pair[0].verdict == "PASS")[:PANELS]
    worst = _worst_row(rows)
    across = min(ACROSS, max(len(drawn_rows), 1))
    heights = [0.1, *[2.4] * -(-len(drawn_rows) // across)]
    if worst is not None and worst.error is not None:
        heights.append(1.5 if len(flat(worst.error)) == 1 else 3.4)
    figure = new_figure(11.5, max(sum(heights) + (0.5 if title else 0.2), 2), title)
    grid = figure.add_gridspec(len(heights), across, height_ratios=heights)
    for number, (row, ladder) in enumerate(drawn_rows):
        axes = figure.add_subplot(grid[1 + number // across, number % across])
        lowest = number + across >= len(drawn_rows)
        first = number % across == 0
        style_axes(axes, "step h" if lowest else "", "|slope − claimed|" if first else "")
        _write_title(axes, row)
        _panel(axes, ladder)
    top = figure.add_subplot(grid[0, :])
    top.set_axis_off()
    if drawn_rows:
        _legend(top)
    else:
        empty_note(top)
    if worst is not None:
        heat_map(figure.add_subplot(grid[-1, :]), worst)
    return figure


def _worst_row(rows: Sequence[AuditedLeaf]) -> AuditedLeaf | None:
    """The row whose largest error is the largest multiple of its detection limit."""
    with_errors = [row for row in rows if row.error is not None and np.size(row.error)]

    def excess(row: AuditedLeaf) -> float:
        assert row.error is not None
        largest = float(np.abs(row.error).max())
        if np.isnan(largest):
            return np.inf
        return largest / row.limit if row.limit > 0 else float(largest > 0) * np.inf

    with np.errstate(invalid="ignore"):
        return max(with_errors, key=lambda row: np.nan_to_num(excess(row)), default=None)


def _write_title(axes: Axes, row: AuditedLeaf) -> None:
    """The path over the panel, cut in its middle if it is long, and the verdict below it."""
    axes.set_title(
        shorten(row.path, NAME_LENGTH), fontsize=10, loc="left", pad=15, parse_math=False
    )
    passed = row.verdict == "PASS"
    axes.annotate(
        str(row.verdict),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=8,
        color=GRAY if passed else ORANGE,
        weight="normal" if passed else "bold",
    )


def _panel(axes: Axes, ladder: StepLadder) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    steps, noise = np.asarray(ladder.steps, float), np.asarray(ladder.noise, float)
    error = np.abs(np.asarray(ladder.slopes, float) - ladder.claimed)
    chosen = abs(float(ladder.best) - float(ladder.claimed))
    finite = np.isfinite(error)
    axes.tick_params(labelsize=8)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_fontsize(9)
    if not finite.any():
        axes.set_xticks([])
        axes.set_yticks([])
        empty_note(axes)
        return
    positive = np.concatenate([error[finite], noise[np.isfinite(noise)]])
    bottom = min(positive[positive > 0], default=1.0) / 3
    axes.plot(
        steps,
        np.where(np.isfinite(noise), noise, np.nan),
        color=GRAY,
        linestyle="--",
        linewidth=1.2,
    )
    if np.isfinite(chosen):
        axes.axhline(max(chosen, bottom), color=ORANGE, linestyle=":", linewidth=1.4)
        nearest = int(np.nanargmin(np.abs(ladder.slopes - ladder.best)))
        ring = max(error[nearest], bottom)
        axes.plot(steps[nearest], ring, "o", mfc="none", mec=ORANGE, mew=1.6, markersize=9)
    drawn = np.maximum(error[finite], bottom)
    axes.plot(steps[finite], drawn, color=BLUE, linewidth=1.4, marker="o", markersize=3)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_minor_locator(NullLocator())


def _legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=3, label="difference quotient"),
        Line2D([], [], color=GRAY, linestyle="--", label="noise floor"),
        Line2D([], [], color=ORANGE, linestyle=":", label="chosen value, extrapolated"),
        Line2D(
            [], [], color=ORANGE, linestyle="", marker="o", mfc="none", label="step nearest to it"
        ),
    ]
    axes.legend(handles=handles, ncols=4, loc="center", fontsize=9, frameon=False)
