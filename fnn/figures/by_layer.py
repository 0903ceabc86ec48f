"""Monitors of the network's layers over epochs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from fnn.figures.style import empty_note, epoch_axis, log_scale, new_figure, save, style_axes
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {
    "gradient_norm": "gradient norm",
    "update_ratio": "|update| / |parameter|",
    "dead_units": "dead units, share",
}
LOG_SCALED = ("gradient_norm", "update_ratio")
MAX_LAYERS = 20
"""layers that the legend names"""
STYLES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
Lines = dict[tuple[str, str], np.ndarray]
"""values by layer and leaf"""


def monitors(history: Mapping[str, np.ndarray], path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_monitors` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_monitors(history), path)


def draw_monitors(history: Mapping[str, np.ndarray]) -> Figure:
    """A panel a kind, a line a leaf: a color for each layer, from the first dark to the last pale.

    Keys are `gradient_norm/layers[0].weight`, `update_ratio/…`, `dead_units/layers[0]`; others are
    ignored. Weights are solid; biases, scales and shifts are dashed or dotted.
    """
    panels = {kind: _lines(history, kind) for kind in KINDS}
    panels = {kind: lines for kind, lines in panels.items() if lines}
    layers = list(dict.fromkeys(layer for lines in panels.values() for layer, _ in lines))
    leaves = sorted({leaf for lines in panels.values() for _, leaf in lines} - {""})
    leaves.sort(key=lambda leaf: leaf != "weight")
    line_style = _LineStyle(layers, leaves)

    legend = 0.2 * (min(len(layers), MAX_LAYERS) + len(leaves)) + 0.6
    figure = new_figure(10.5, max(2.5 * len(panels), legend, 2.5))
    if not panels:
        empty_note(figure.add_subplot())
        return figure
    grid = figure.add_gridspec(len(panels), 2, width_ratios=(5, 1))
    for row, (kind, lines) in enumerate(panels.items()):
        axes = figure.add_subplot(grid[row, 0])
        style_axes(axes, "epoch" if row == len(panels) - 1 else "", KINDS[kind])
        _panel(axes, kind, lines, line_style)
    line_style.legend(figure.add_subplot(grid[:, 1]))
    return figure


def _lines(history: Mapping[str, np.ndarray], kind: str) -> Lines:
    lines: Lines = {}
    for key, values in history.items():
        start, _, path = key.partition("/")
        if start == kind:
            layer, _, leaf = path.rpartition(".")
            key_of_line = (path, "") if kind == "dead_units" else (layer, leaf)
            lines[key_of_line] = np.asarray(values, float)
    return lines


class _LineStyle:
    """A color for each layer, a line style for each kind of leaf."""

    def __init__(self, layers: Sequence[str], leaves: Sequence[str]) -> None:
        from matplotlib import colormaps

        shades = colormaps["viridis"](np.linspace(0, 0.92, max(len(layers), 2)))
        self.colors = dict(zip(layers, shades, strict=False))
        self.strokes = {leaf: STYLES[i % len(STYLES)] for i, leaf in enumerate(leaves)}

    def legend(self, axes: Axes) -> None:
        """Fill a panel with the legend: layers by color, at most 20, and leaves by line style."""
        from matplotlib.lines import Line2D

        layers = list(self.colors)
        labeled = np.unique(np.linspace(0, len(layers) - 1, MAX_LAYERS).round().astype(int))
        handles: list[Artist] = [
            Line2D([], [], color=self.colors[layers[i]], linewidth=2, label=shorten(layers[i], 28))
            for i in labeled
        ]
        handles += [
            Line2D([], [], color="black", linewidth=1.2, linestyle=stroke, label=leaf)
            for leaf, stroke in self.strokes.items()
        ]
        axes.set_axis_off()
        legend = axes.legend(
            handles=handles, fontsize=9, frameon=False, loc="upper left", bbox_to_anchor=(-0.1, 1)
        )
        legend.set_in_layout(False)


def _panel(axes: Axes, kind: str, lines: Lines, line_style: _LineStyle) -> None:
    values = np.concatenate(list(lines.values()))
    epochs = max(map(len, lines.values()))
    for (layer, leaf), line in lines.items():
        axes.plot(
            np.arange(1, len(line) + 1),
            np.where(np.isfinite(line), line, np.nan),
            color=line_style.colors[layer],
            linestyle=line_style.strokes.get(leaf, "-"),
            linewidth=1.4,
            marker="o" if epochs <= 20 else "",
            markersize=3,
        )
    epoch_axis(axes, epochs)
    if not np.isfinite(values).any():
        empty_note(axes)
    elif kind not in LOG_SCALED:
        top = values[np.isfinite(values)].max()
        axes.set_ylim(-0.02 * max(top, 0.1), 1.05 * max(top, 0.1))
    elif (values[np.isfinite(values)] > 0).any():
        log_scale(axes)
