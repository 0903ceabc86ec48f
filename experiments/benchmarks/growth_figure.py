"""The figure of `./scripts/bench growth`: time above, memory below, an axis a column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnn.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    legend_above,
    log_scale,
    new_figure,
    save,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = {
    "rows": ("rows",),
    "width": ("width",),
    "depth": ("depth", "depth in one Repeat"),
    "batch": ("batch",),
}
"""the axes of each column"""


def draw(costs: Sequence[Any], empty: int, path: Path) -> None:
    """Seconds a row against the floor, bytes against what is needed; scales are logarithmic."""
    columns = {
        name: axes for name, axes in COLUMNS.items() if any(c.point.axis in axes for c in costs)
    }
    figure = new_figure(3.7 * len(columns) + 0.6, 7.2, "How cost grows")
    for number, (name, axes_of) in enumerate(columns.items(), 1):
        time = figure.add_subplot(2, len(columns), number)
        memory = figure.add_subplot(2, len(columns), number + len(columns))
        first = number == 1
        style_axes(time, "", "µs a row and epoch" if first else "")
        style_axes(memory, name, "MiB above an empty run" if first else "")
        for axis, style in zip(axes_of, ("-", "--"), strict=False):
            own = [cost for cost in costs if cost.point.axis == axis]
            _lines(time, memory, own, empty, style, axis)
        for axes in (time, memory):
            axes.set(xscale="log", yscale="log")
            _a_decade(axes)
            log_scale(axes)
        if first or len(axes_of) > 1:
            legend_above(time)
            legend_above(memory)
    figure.tight_layout()
    save(figure, path)


def _a_decade(axes: Axes) -> None:
    """At least that much from bottom to top, so that what hardly grows looks like it."""
    low, high = axes.get_ylim()
    short = (10 * low / high) ** 0.5
    if short > 1:
        axes.set_ylim(low / short, high * short)


def _lines(
    time: Axes, memory: Axes, costs: Sequence[Any], empty: int, style: str, axis: str
) -> None:
    values = [cost.point.value for cost in costs]
    apart = ", one Repeat" if "Repeat" in axis else ""
    look: dict[str, Any] = {"marker": "o", "markersize": 4, "linestyle": style}

    def a_row(name: str) -> list[float]:
        return [1e6 * cost.a_row(name) for cost in costs]

    time.plot(values, a_row("epoch"), color=BLUE, label=f"fnn{apart}", **look)
    peaks = [max(cost.peak - empty, 2**18) / 2**20 for cost in costs]
    memory.plot(values, peaks, color=BLUE, label=f"fnn{apart}", **look)
    if not apart:
        time.plot(values, a_row("floor"), color=GRAY, label="matrix products alone", **look)
        needed = [cost.needed / 2**20 for cost in costs]
        contents = "rows, parameters, moments"
        memory.plot(values, needed, color=ORANGE, label=contents, **look)
