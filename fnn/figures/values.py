"""Values of any kind along an axis: numbers at their position, others side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.style import inches, log_scale
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_RATIO = 8.0
"""numbers that span less have a linear axis"""
LETTERS_PER_INCH = 11.8
"""of a tick's label, an inch"""
MAX_TICKS = 16
"""of more categories than this, some have no tick"""


def in_words(value: object, digits: int | None = 4) -> str:
    """A value as text: `none`, `yes`, `0.001`, `64, 32`, `none` for ().

    Floats have so many significant digits, or all of them for None.
    """
    if value is None or (isinstance(value, tuple) and not value):
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(in_words(item, digits) for item in value)
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}g}" if digits else repr(float(value))
    return str(value)


class Scale:
    """The positions of a name's values along an axis.

    Numbers are at their position, on a log axis if that spaces them more evenly. Numbers that are
    spaced so except for a zero, and other values (names, tuples, None), are side by side in order.

    values: the distinct ones, in order.
    numeric: whether they are at their position; log: whether on a log axis.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        distinct = {in_words(value, None): value for value in values}
        self.values = sorted(distinct.values(), key=_order)
        self._index = {in_words(value, None): index for index, value in enumerate(self.values)}
        numbers = all(map(_is_number, self.values))
        array = np.array(self.values, float) if numbers else np.empty(0)
        self.log = numbers and _is_log(array)
        leading_zero = array.size > 2 and array[0] == 0 and _is_log(array[1:])
        self.numeric = numbers and not leading_zero

    def index(self, value: object) -> int:
        """The index of a value, in order."""
        return self._index[in_words(value, None)]

    def at(self, value: Any) -> float:
        """The position of a value."""
        return float(value) if self.numeric else float(self.index(value))

    def apply(self, axes: Axes, side: str = "x") -> None:
        """Scale, ticks and limits of that side of a panel."""
        if not self.numeric:
            label_places(axes, self.values, side)
            return
        values = np.array(self.values, float)
        axis = axes.xaxis if side == "x" else axes.yaxis
        if self.log:
            values = np.log(values)
        margin = 0.05 * (values[-1] - values[0]) or 0.5 * (abs(values[0]) or 1.0)
        limits = np.array([values[0] - margin, values[-1] + margin])
        axes.set(**{f"{side}lim": np.exp(limits) if self.log else limits})
        if self.log:
            log_scale(axes, side)
        labels = [in_words(value, 3) for value in self.values]
        gaps = np.diff(values)
        letters = LETTERS_PER_INCH * inches(axes)[0]
        available = letters * gaps / (gaps.sum() or 1)
        if len(labels) < 2 or (
            len("  ".join(labels)) <= letters and max(map(len, labels)) <= available.min()
        ):
            from matplotlib.ticker import NullLocator

            axis.set_ticks(self.values, labels)
            axis.set_minor_locator(NullLocator())


def label_places(axes: Axes, values: Sequence[object], side: str = "x") -> None:
    """Ticks 0, 1, … with these values as labels; of many only some."""
    stride = -(-len(values) // MAX_TICKS)
    labels = [shorten(in_words(value), 20) for value in values]
    axis = axes.xaxis if side == "x" else axes.yaxis
    texts = axis.set_ticks(range(0, len(values), stride), labels[::stride])
    for tick in texts:
        tick.label1.set_parse_math(False)
    axes.set(**{f"{side}lim": (-0.5, len(values) - 0.5)})
    visible = labels[::stride]
    available = LETTERS_PER_INCH * inches(axes)[0]
    if side == "x" and visible and len(visible) * (max(map(len, visible)) + 1) > available:
        axes.tick_params("x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def _is_number(value: object) -> bool:
    kinds = int | float | np.integer | np.floating
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(np.isfinite(value))


def _is_log(array: np.ndarray) -> bool:
    """Whether positive numbers in order are spaced more evenly on a log axis."""
    if len(array) < 2 or array[0] <= 0 or array[-1] < LOG_RATIO * array[0]:
        return False
    gaps, ratios = np.diff(array), np.diff(np.log(array))
    return len(array) == 2 or bool(ratios.std() / ratios.mean() < gaps.std() / gaps.mean())


def _order(value: Any) -> tuple[int, object]:
    """None, then numbers, then tuples of them, then all else by its text."""
    if value is None:
        return 0, 0
    if isinstance(value, bool | np.bool_) or _is_number(value):
        return 1, float(value)
    if isinstance(value, tuple) and all(map(_is_number, value)):
        return 2, tuple(map(float, value))
    return 3, in_words(value, None)
