"""The axis of a metric: its label, scale and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fnn.figures.style import empty_note, log_scale, wide_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOSSES = ("loss", "mse", "mae")
"""on a log scale where they span more than 10×, other errors where they span more than 30×"""
ERRORS = (*LOSSES, "ece", "brier", "nll")
"""have no upper bound; all others are scores, of which 1 is the best"""
REACH = 0.25
"""fraction of the values' span that intervals may add on either side"""


def metric_words(metric: str) -> str:
    """A metric's name as a label: `validation_r2` is "validation R²"."""
    return metric.replace("r2", "R²").replace("_", " ")


def spans(metric: str, values: np.ndarray) -> bool:
    """Whether the values span so much that the metric has a log scale."""
    return metric.endswith(ERRORS) and wide_range(values, 10 if metric.endswith(LOSSES) else 30)


def limit(axes: Axes, metric: str, values: np.ndarray, bars: Sequence[float] = ()) -> None:
    """Scale and limits of the metric's axis for these values.

    `bars` are ends of intervals, which may extend the limits by a quarter of the values' span at
    most, and to no value that the metric can't have: the intervals of two seeds would squeeze
    everything else. R² has no lower bound, so its axis ends at -1 where values lie on both sides.
    """
    values = values[np.isfinite(values)]
    if values.size == 0:
        empty_note(axes)
        axes.set_yticks([])
        return
    log = spans(metric, values)
    transform, inverse = (np.log, np.exp) if log else (float, float)
    low, high = float(values.min()), float(values.max())
    if metric.endswith("r2") and low < -1 < high:
        low = -1.0
    least = 0.0 if low >= 0 else -np.inf
    most = np.inf if metric.endswith(ERRORS) else max(1.0, high)
    ends = [bar for bar in bars if np.isfinite(bar) and (bar > 0 or not log)]
    bar_ends = np.clip(ends or [low], least, most)
    low, high, lowest, highest = map(transform, (low, high, bar_ends.min(), bar_ends.max()))
    span = high - low or 0.3 * (abs(high) or 1.0)
    margin, reach = 0.06 * span, REACH * span
    bottom = min(low - 1.4 * margin, max(lowest - margin / 3, low - reach))
    top = max(high + margin, min(highest + margin / 3, high + reach))
    axes.set_ylim(inverse(bottom), inverse(top))
    if log:
        log_scale(axes)
