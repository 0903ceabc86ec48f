"""A run's loss and metrics over epochs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fnn.figures.style import (
    BLUE,
    COLORS,
    GRAY,
    ORANGE,
    empty_note,
    epoch_axis,
    legend_above,
    log_scale,
    new_figure,
    save,
    style_axes,
    wide_range,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ERRORS = (("mse",), ("mae",), ("ece", "brier", "nll"))
"""a panel each: errors of the same unit"""
MAX_MARKERS = 20
"""a line of at most so many points has markers"""


def curves(
    history: Mapping[str, np.ndarray],
    path: str | os.PathLike[str],
    *,
    best: int | None = None,
    title: str = "",
) -> None:
    """Write the figure of `draw_curves` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_curves(history, best=best, title=title), path)


def draw_curves(
    history: Mapping[str, np.ndarray], *, best: int | None = None, title: str = ""
) -> Figure:
    """The loss, and beside it the other metrics: errors by their units, scores in one panel.

    `history` has an entry an epoch: `loss` in training, and `validation_<metric>`, NaN where
    nothing was validated. Other keys are ignored, values that are not finite omitted. `best` is
    the epoch, from 1, that was selected. The loss is on a log scale where it spans more than
    30×, errors where they do.
    """
    series = {key: np.asarray(values, float) for key, values in history.items()}
    prefix = "validation_"
    metrics = {key.removeprefix(prefix): series[key] for key in series if key.startswith(prefix)}
    losses = {"training": series.get("loss", np.empty(0))}
    if "loss" in metrics:
        losses["validation"] = metrics.pop("loss")
    errors = [{name: metrics.pop(name) for name in group if name in metrics} for group in ERRORS]
    panels = [("loss", losses), *(("validation errors", group) for group in errors)]
    panels = [panel for panel in [*panels, ("validation scores", metrics)] if panel[1]]

    figure = new_figure((8.5, 10.5, 11, 13.5, 16)[len(panels) - 1], 4.2 if title else 3.9, title)
    legend_heights = []
    for number, (name, lines) in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), number)
        single = len(lines) == 1 and name != "loss"
        style_axes(axes, "epoch", f"validation {_label(*lines)}" if single else name)
        _draw(axes, lines, COLORS if name != "loss" else (BLUE, ORANGE))
        _scale(axes, np.concatenate(list(lines.values())), scores=lines is metrics)
        if best is not None:
            axes.axvline(best, color=GRAY, linewidth=1, linestyle=":", label=f"best epoch, {best}")
        epoch_axis(axes, max(map(len, lines.values())))
        legend_heights.append(0.0 if single else legend_above(axes))
    figure.set_figheight(figure.get_figheight() + max(legend_heights))
    return figure


def _draw(axes: Axes, lines: Mapping[str, np.ndarray], colors: tuple[str, ...]) -> None:
    for index, (name, values) in enumerate(lines.items()):
        finite = np.isfinite(values)
        axes.plot(
            np.flatnonzero(finite) + 1,
            values[finite],
            color=colors[index % len(colors)],
            linestyle="-" if index < len(colors) else "--",
            linewidth=1.6,
            marker="o" if finite.sum() <= MAX_MARKERS else "",
            markersize=4,
            label=_label(name),
        )


def _scale(axes: Axes, values: np.ndarray, *, scores: bool) -> None:
    """R² has no lower bound: its first epochs would squeeze the others into a line."""
    count, values = values.size, values[np.isfinite(values)]
    if values.size == 0:
        empty_note(axes, "no finite values" if count else "no epoch ended")
    elif not scores and wide_range(values[values != 0]):  # zeros are drawn at the bottom
        log_scale(axes)
    elif scores and values.min() < -1 < values.max():
        axes.set_ylim(-1, values.max() + 0.05 * (values.max() + 1))


def _label(name: str) -> str:
    return name.replace("r2", "R²").replace("_", " ")
