"""The common style of figures and their panels, and writing them as files."""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.files import write_bytes
from fnn.spec import FnnError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

Style: TypeAlias = dict[str, Any]
"""keyword arguments of a matplotlib artist, which its stubs leave untyped"""
DPI = 110
TICK_INCHES = 0.6
"""inches that a number takes on an axis below a panel"""
SYMBOL_INCHES, LETTER_INCHES, ROW_INCHES = 0.5, 0.07, 0.2
"""inches that an entry of a legend takes, each of its letters, and a row of them"""
BLUE, ORANGE, GREEN, GRAY = "#0072b2", "#d55e00", "#009e73", "#5f6368"
COLORS = (ORANGE, BLUE, GREEN, "#cc79a7", "#e69f00", "#56b4e9")
"""distinct for the color-blind (Okabe & Ito 2008)"""


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """A white figure, in inches. Raises `FnnError` where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise FnnError("figures need matplotlib: pip install 'fnn[plots]'") from error
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    if title:
        figure.suptitle(title, fontsize=13, parse_math=False)
    return figure


def style_axes(axes: Axes, x: str, y: str, title: str = "") -> None:
    """Labels, and a light grid behind the data. Dollar signs in names are dollar signs."""
    axes.set_xlabel(x, fontsize=11, parse_math=False)
    axes.set_ylabel(y, fontsize=11, parse_math=False)
    axes.set_title(title, fontsize=12, parse_math=False)
    axes.tick_params(labelsize=10)
    axes.grid(True, which="major", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def epoch_axis(axes: Axes, epochs: int) -> None:
    """Integer ticks from 1; a single epoch is in the middle."""
    from matplotlib.ticker import MaxNLocator

    steps = [1, 2, 5, 10]
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=steps, integer=True, min_n_ticks=1))
    axes.set_xlim(0.6, max(epochs, 1) + max(0.02 * epochs, 0.4))


def log_scale(axes: Axes, side: str = "y") -> None:
    """A log scale with plain numbers: at 1, 2 and 5 of a decade where there is room, else at 1."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set(**{f"{side}scale": "log"})
    low, high = axes.get_xlim() if side == "x" else axes.get_ylim()
    axis = axes.xaxis if side == "x" else axes.yaxis
    width, height = inches(axes)
    available = width if side == "x" else 3 * height
    has_room = high < 1000 * low and 3 * math.log10(high / low) * TICK_INCHES <= available
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if has_room else (1,)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def wide_range(values: NDArray[np.floating], factor: float = 30) -> bool:
    """Whether positive values span so much that a linear axis would hide the small ones."""
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > factor * finite.min())


def empty_note(axes: Axes, text: str = "no finite values") -> None:
    """Write in an empty panel why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color=GRAY)


def corner_text(axes: Axes, lines: Sequence[str], color: str, alpha: float) -> None:
    """Lines of text in the upper left corner."""
    box = {"facecolor": "white", "edgecolor": "none", "alpha": alpha}
    axes.text(
        0.03,
        0.97,
        "\n".join(lines),
        transform=axes.transAxes,
        va="top",
        fontsize=11,
        color=color,
        bbox=box,
    )


def inches(axes: Axes) -> tuple[float, float]:
    """The panel's width and height."""
    figure, box = axes.get_figure(root=True), axes.get_position()
    assert figure is not None
    width, height = figure.get_size_inches()
    return float(box.width * width), float(box.height * height)


def legend_above(axes: Axes, title: str = "") -> float:
    """A legend above the panel, where it covers nothing. Returns its height in inches.

    It has as many columns as the panel is wide for.
    """
    handles = axes.get_legend_handles_labels()[0]
    if not handles:
        return 0.0
    available = 1.15 * inches(axes)[0]
    entries = [SYMBOL_INCHES + LETTER_INCHES * len(str(handle.get_label())) for handle in handles]
    rows = 1
    while rows < len(entries) and _width(entries, rows) > available:
        rows += 1
    _legend(axes, handles, -(-len(handles) // rows), title)
    return ROW_INCHES * (rows + bool(title))


def _width(entries: Sequence[float], rows: int) -> float:
    return sum(max(entries[start : start + rows]) for start in range(0, len(entries), rows))


def legend_row(axes: Axes, handles: Sequence[Artist]) -> None:
    """A legend in one row over the panel, and over the next one where it is longer.

    The panel needs a title, perhaps an empty one, to reserve the height.
    """
    if handles:
        _legend(axes, handles, len(handles)).set_in_layout(False)


def _legend(axes: Axes, handles: Sequence[Artist], columns: int, title: str = "") -> Legend:
    position: Style = {"loc": "lower left", "bbox_to_anchor": (-0.03, 0.99)}
    style: Style = {"fontsize": 9, "title_fontsize": 9, "alignment": "left"}
    style |= {"frameon": False, "columnspacing": 1.2, "title": title or None}
    legend = axes.legend(handles=handles, ncols=columns, **position, **style)
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_parse_math(False)
    return legend


def truncate(name: str, length: int) -> str:
    """A path cut to that length from the front: its end is more specific."""
    return name if len(name) <= length else "…" + name[len(name) - length + 1 :]


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a PNG, completely or not at all. Raises `FnnError` with the path and the reason."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    image = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # drawn as a box
        figure.tight_layout()
        FigureCanvasAgg(figure).print_png(image)
    write_bytes(os.fspath(path), image.getvalue())
