"""How a search went: what each trial came to, and the best so far."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.metric_axis import limit, metric_words
from fnn.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    epoch_axis,
    legend_above,
    new_figure,
    save,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BATCHES = 40
"""more than these are not told apart"""


def search(
    values: Any,
    path: str | os.PathLike[str],
    *,
    metric: str,
    higher: bool,
    batch: int = 1,
    title: str = "",
) -> None:
    """Write the figure of `draw_search` as a PNG.

    Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
    not installed.
    """
    save(draw_search(values, metric=metric, higher=higher, batch=batch, title=title), path)


def draw_search(
    values: Any, *, metric: str, higher: bool, batch: int = 1, title: str = ""
) -> Figure:
    """A dot a trial, in order, and a line for the best so far.

    `values` are what the trials came to, NaN (a cross at the bottom) where one diverged. `higher`
    says whether the largest is best. A batch, chosen at once, ends at each dotted line.
    """
    values = np.asarray(values, float)
    figure = new_figure(8.4, 4.8, title)
    axes = figure.add_subplot()
    style_axes(axes, "trials", metric_words(metric))
    trials = np.arange(1, len(values) + 1)
    there = np.isfinite(values)
    batches = range(batch, len(values), batch)
    for end in batches if len(batches) <= BATCHES else ():
        axes.axvline(end + 0.5, color=GRAY, linewidth=0.6, linestyle=":")
    if there.any():
        best = (np.fmax if higher else np.fmin).accumulate(values)
        axes.plot(trials[there], values[there], "o", color=BLUE, markersize=4, alpha=0.45)
        axes.step(trials, best, where="post", color=ORANGE, linewidth=1.8, label="best so far")
    _crosses(axes, trials[~there])
    limit(axes, metric, values)
    axes.set_xlim(0, len(values) + 1)
    legend_above(axes)
    return figure


def halving(
    histories: Sequence[Any],
    rungs: Sequence[int],
    path: str | os.PathLike[str],
    *,
    metric: str,
    title: str = "",
) -> None:
    """Write the figure of `draw_halving` as a PNG; errors as in `search`."""
    save(draw_halving(histories, rungs, metric=metric, title=title), path)


def draw_halving(
    histories: Sequence[Any], rungs: Sequence[int], *, metric: str, title: str = ""
) -> Figure:
    """Successive halving: a line a member, as long as it was trained; those to the end in orange.

    `histories` hold what each member measured, an entry an epoch, NaN where nothing was. `rungs`
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
        there = np.isfinite(curve)
        whole = len(curve) == longest
        words = "trained to the end" if whole else "ended before"
        style: dict[str, Any] = {"marker": "o" if there.sum() < 4 else "", "markersize": 3}
        style |= {"color": ORANGE, "linewidth": 1.8} if whole else {"color": BLUE, "alpha": 0.4}
        style["label"] = None if words in labeled else words
        labeled.add(words)
        axes.plot(np.flatnonzero(there) + 1, curve[there], **style)
    limit(axes, metric, np.concatenate(curves) if curves else np.empty(0))
    epoch_axis(axes, longest)
    legend_above(axes)
    return figure


def _crosses(axes: Axes, trials: np.ndarray) -> None:
    if trials.size:
        style: dict[str, Any] = {"color": ORANGE, "transform": axes.get_xaxis_transform()}
        axes.plot(trials, np.full(trials.size, 0.02), "x", label="diverged", ms=6, **style)
