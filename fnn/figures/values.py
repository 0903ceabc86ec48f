"""Values of any kind along an axis: at their place where they are numbers, else side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.style import inches, log_scale
from fnn.spec.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADE = 8.0
"""numbers that span less have a linear axis"""
LETTERS = 11.8
"""of a tick's label, an inch"""
TICKS = 16
"""of more categories than this, some have no tick"""


def in_words(value: Any, digits: int | None = 4) -> str:
    """A value as it is written beside others: `none`, `yes`, `0.001`, `64, 32`, `none` for ().

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
    """Where the values of a name stand along an axis.

    Numbers stand at their place: on a log axis if that spaces them more evenly. Numbers that are
    spaced so but for a zero, and anything else (names, tuples, None), stand side by side in order.

    values: the different ones, in order.
    numeric: whether they stand at their place; log: whether on a log axis.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        different = {in_words(value, None): value for value in values}
        self.values = sorted(different.values(), key=_order)
        self._index = {in_words(value, None): index for index, value in enumerate(self.values)}
        numbers = all(map(_is_number, self.values))
        found = np.array(self.values, float) if numbers else np.empty(0)
        self.log = numbers and _is_log(found)
        zero = found.size > 2 and found[0] == 0 and _is_log(found[1:])
        self.numeric = numbers and not zero

    def index(self, value: Any) -> int:
        """The number of a value, in order."""
        return self._index[in_words(value, None)]

    def at(self, value: Any) -> float:
        """Where a value stands."""
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
        words = [in_words(value, 3) for value in self.values]
        gaps = np.diff(values)
        whole = LETTERS * inches(axes)[0]
        room = whole * gaps / (gaps.sum() or 1)
        if len(words) < 2 or (
            len("  ".join(words)) <= whole and max(map(len, words)) <= room.min()
        ):
            from matplotlib.ticker import NullLocator

            axis.set_ticks(self.values, words)
            axis.set_minor_locator(NullLocator())


def label_places(axes: Axes, values: Sequence[Any], side: str = "x") -> None:
    """Ticks 0, 1, … that are called by these values; of many only some."""
    stride = -(-len(values) // TICKS)
    words = [shorten(in_words(value), 20) for value in values]
    axis = axes.xaxis if side == "x" else axes.yaxis
    texts = axis.set_ticks(range(0, len(values), stride), words[::stride])
    for tick in texts:
        tick.label1.set_parse_math(False)
    axes.set(**{f"{side}lim": (-0.5, len(values) - 0.5)})
    shown = words[::stride]
    room = LETTERS * inches(axes)[0]
    if side == "x" and shown and len(shown) * (max(map(len, shown)) + 1) > room:
        axes.tick_params("x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def _is_number(value: Any) -> bool:
    kinds = int | float | np.integer | np.floating
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(np.isfinite(value))


def _is_log(found: np.ndarray) -> bool:
    """Whether positive numbers in order are spaced more evenly on a log axis."""
    if len(found) < 2 or found[0] <= 0 or found[-1] < DECADE * found[0]:
        return False
    gaps, ratios = np.diff(found), np.diff(np.log(found))
    return len(found) == 2 or bool(ratios.std() / ratios.mean() < gaps.std() / gaps.mean())


def _order(value: Any) -> tuple[int, Any]:
    """None, then numbers, then tuples of them, then all else by its words."""
    if value is None:
        return 0, 0
    if isinstance(value, bool | np.bool_) or _is_number(value):
        return 1, float(value)
    if isinstance(value, tuple) and all(map(_is_number, value)):
        return 2, tuple(map(float, value))
    return 3, in_words(value, None)
