"""Where in a leaf its gradient is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.figures.style import ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 128
"""the most cells along an axis of the heat map"""
SPAN = 1e-8
"""what lies further below the worst element is drawn as if it were zero"""
PALE, PINK = "#f1f1f1", "#cc79a7"
"""of what is too small to count, and of what is not finite"""


def heat_map(axes: Axes, row: Any) -> None:
    """|claimed − automatic| of an audit's row on a log scale, with a ring round the worst element.

    Where there is no automatic gradient, the numerical one stands in its place.
    What lies below the row's detection limit is pale gray, what is not finite pink. A leaf of more
    than two axes shows its first one against the others; a long axis shows the largest of each
    block of neighbors.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    cells = flat(row.error)
    finite = cells[np.isfinite(cells)]
    limit = float(row.limit) if np.isfinite(row.limit) else 0.0
    largest = float(finite.max(initial=0))
    top = max(largest, limit) or 1.0
    low = limit if 0 < limit < largest else float(finite[finite > 0].min(initial=top))
    low = min(max(low, SPAN * top), top / 10)
    shown = np.maximum(pooled(cells), low / 2)  # zero has no place on a log scale
    image = axes.imshow(
        np.where(np.isfinite(shown), shown, np.nan),
        cmap=colormaps["cividis_r"].with_extremes(under=PALE, bad=PINK),
        norm=LogNorm(low, top),
        aspect="auto",
        interpolation="nearest",
        extent=(-0.5, cells.shape[1] - 0.5, cells.shape[0] - 0.5, -0.5),
    )
    if largest > 0:
        bar = axes.figure.colorbar(image, ax=axes, fraction=0.03, pad=0.015)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    _ticks(axes, np.shape(row.error))
    _mark(axes, row, cells)


def _ticks(axes: Axes, shape: tuple[int, ...]) -> None:
    """Whole indices; a leaf of one axis has no second one to name."""
    from matplotlib.ticker import MaxNLocator

    axes.tick_params(labelsize=8)
    axes.spines[:].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    if len(shape) < 2:
        axes.set_yticks([])
        axes.set_xlabel("index", fontsize=9)
        return
    axes.set_ylabel("axis 0", fontsize=9)
    axes.set_xlabel("axis 1" if len(shape) == 2 else "the other axes, joined", fontsize=9)


def _mark(axes: Axes, row: Any, cells: np.ndarray) -> None:
    """A ring round the worst element, which the title names."""
    place = int(np.argmax(np.where(np.isnan(cells), np.inf, cells)))
    index = ", ".join(str(int(i)) for i in np.unravel_index(place, np.shape(row.error)))
    right = "numerical" if row.difference is None else "automatic"
    title = f"|claimed − {right}| over {row.path}"
    if cells.flat[place] == 0:
        title += ": no difference anywhere"
    else:
        down, across = divmod(place, cells.shape[1])
        for color, width in (("white", 4), (ORANGE, 1.8)):
            axes.plot(across, down, "o", mfc="none", mec=color, mew=width, ms=13, clip_on=False)
        title += f": {cells.flat[place]:.3g} at [{index}]; the detection limit is {row.limit:.3g}"
    axes.set_title(title, fontsize=10, loc="left", parse_math=False)


def flat(error: Any) -> np.ndarray:
    """|error| with two axes: the first one and the rest; fewer axes are one row."""
    size = np.abs(np.asarray(error, float))
    return size.reshape(len(size) if size.ndim > 1 else 1, -1)


def pooled(cells: np.ndarray, side: int = SIDE) -> np.ndarray:
    """The largest of each block of neighbors, so that no axis is longer than `side`."""
    for axis, length in enumerate(cells.shape):
        starts = np.arange(0, length, max(1, -(-length // side)))
        cells = np.maximum.reduceat(cells, starts, axis)
    return cells
