"""The trials of a search and the best so far; members of successive halving."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fnn.figures.metric_axis import limit, metric_words
from fnn.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    Style,
    epoch_axis,
    legend_above,
    new_figure,
    save,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_BATCHES = 40
"""of more batches the ends are not marked"""


def search(
    values: ArrayLike,
    path: str | os.PathLike[str],
    *,
    metric: str,
    higher: bool,
    batch: int = 1,
    title: str = "",
) -> None:
    """Write the figure of `draw_search` as a PNG.

    Raises `FnnError` with the path and the reason where it can't be written, and where matplotlib
    is not installed.
    """
    save(draw_search(values, metric=metric, higher=higher, batch=batch, title=title), path)


def draw_search(
    values: ArrayLike, *, metric: str, higher: bool, batch: int = 1, title: str = ""
) -> Figure:
    """A dot a trial, in order, and a line for the best so far.

    `values` are the trials' metrics, NaN (a cross at the bottom) where one diverged. `higher`
    says whether the largest is best. A batch, chosen at once, ends at each dotted line.
    """
    values = np.asarray(values, float)
    figure = new_figure(8.4, 4.8, title)
    axes = figure.add_subplot()
    style_axes(axes, "trials", metric_words(metric))
    trials = np.arange(1, len(values) + 1)
    finite = np.isfinite(values)
    batches = range(batch, len(values), batch)
    for end in batches if len(batches) <= MAX_BATCHES else ():
        axes.axvline(end + 0.5, color=GRAY, linewidth=0.6, linestyle=":")
    if finite.any():
        best = (np.fmax if higher else np.fmin).accumulate(values)
        axes.plot(trials[finite], values[finite], "o", color=BLUE, markersize=4, alpha=0.45)
        axes.step(trials, best, where="post", color=ORANGE, linewidth=1.8, label="best so far")
    _crosses(axes, trials[~finite])
    limit(axes, metric, values)
    axes.set_xlim(0, len(values) + 1)
    legend_above(axes)
    return figure


def halving(
    histories: Sequence[ArrayLike],
    rungs: Sequence[int],
    path: str | os.PathLike[str],
    *,
    metric: str,
    title: str = "",
) -> None:
    """Write the figure of `draw_halving` as a PNG; errors as in `search`."""
    save(draw_halving(histories, rungs, metric=metric, title=title), path)


def draw_halving(
    histories: Sequence[ArrayLike], rungs: Sequence[int], *, metric: str, title: str = ""
) -> Figure:
    """Successive halving: a line a member, as long as it was trained; in orange to the last epoch.

    `histories` hold each member's metric, an entry an epoch, NaN where it was not measured. `rungs`
    are the epochs at which members were compared.
    """
    curves = [np.asarray(history, float) for history in histories]
    longest = max((len(curve) for curve in curves), default=0)
    figure = new_figure(8.4, 4.8, title)
    axes = figure.add_subplot()
    style_axes(axes, "epoch", metric_words(metric))
    for number, rung in enumerate(rungs):
        label = "compared" if number == 0 else None
        axes.axvline(rung, color=GRAY, linewidth=0.8, linestyle=":", label=label)
    labeled = set()
    for curve in sorted(curves, key=len):
        finite = np.isfinite(curve)
        complete = len(curve) == longest
        label = "trained to the end" if complete else "ended before"
        style: Style = {"marker": "o" if finite.sum() < 4 else "", "markersize": 3}
        style |= {"color": ORANGE, "linewidth": 1.8} if complete else {"color": BLUE, "alpha": 0.4}
        style["label"] = None if label in labeled else label
        labeled.add(label)
        axes.plot(np.flatnonzero(finite) + 1, curve[finite], **style)
    limit(axes, metric, np.concatenate(curves) if curves else np.empty(0))
    epoch_axis(axes, longest)
    legend_above(axes)
    return figure


def _crosses(axes: Axes, trials: np.ndarray) -> None:
    if trials.size:
        style: Style = {"color": ORANGE, "transform": axes.get_xaxis_transform()}
        axes.plot(trials, np.full(trials.size, 0.02), "x", label="diverged", ms=6, **style)
