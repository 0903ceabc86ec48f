"""The errors of a leaf's gradient as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fnn.figures.audited import AuditedLeaf
from fnn.figures.style import ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 128
"""the most cells along an axis of the heat map"""
SPAN = 1e-8
"""elements this far below the worst one are drawn as zero"""
PALE, PINK = "#f1f1f1", "#cc79a7"
"""of elements below the detection limit, and of those that are not finite"""


def heat_map(axes: Axes, row: AuditedLeaf) -> None:
    """|claimed − automatic| of an audit's row on a log scale, with a ring around the worst element.

    Where there is no automatic gradient, the numerical one replaces it.
    Elements below the row's detection limit are pale gray, those that are not finite pink. A leaf
    of more than two axes shows its first one against the others; a long axis shows the largest of
    each block of neighbors.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    assert row.error is not None
    cells = flat(row.error)
    finite = cells[np.isfinite(cells)]
    limit = float(row.limit) if np.isfinite(row.limit) else 0.0
    largest = float(finite.max(initial=0))
    top = max(largest, limit) or 1.0
    low = limit if 0 < limit < largest else float(finite[finite > 0].min(initial=top))
    low = min(max(low, SPAN * top), top / 10)
    drawn = np.maximum(pooled(cells), low / 2)  # a log scale has no zero
    image = axes.imshow(
        np.where(np.isfinite(drawn), drawn, np.nan),
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
    _ticks(axes, row.error.shape)
    _mark(axes, row, row.error.shape, cells)


def _ticks(axes: Axes, shape: tuple[int, ...]) -> None:
    """Integer indices; a leaf of one axis has no second label."""
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


def _mark(axes: Axes, row: AuditedLeaf, shape: tuple[int, ...], cells: np.ndarray) -> None:
    """A ring around the worst element, which the title names."""
    worst = int(np.argmax(np.where(np.isnan(cells), np.inf, cells)))
    index = ", ".join(str(int(i)) for i in np.unravel_index(worst, shape))
    reference = "numerical" if row.difference is None else "automatic"
    title = f"|claimed − {reference}| over {row.path}"
    if cells.flat[worst] == 0:
        title += ": no difference anywhere"
    else:
        down, across = divmod(worst, cells.shape[1])
        for color, width in (("white", 4), (ORANGE, 1.8)):
            axes.plot(across, down, "o", mfc="none", mec=color, mew=width, ms=13, clip_on=False)
        title += f": {cells.flat[worst]:.3g} at [{index}]; the detection limit is {row.limit:.3g}"
    axes.set_title(title, fontsize=10, loc="left", parse_math=False)


def flat(error: ArrayLike) -> np.ndarray:
    """|error| with two axes: the first one and the rest; fewer axes are one row."""
    size = np.abs(np.asarray(error, float))
    return size.reshape(len(size) if size.ndim > 1 else 1, -1)


def pooled(cells: np.ndarray, side: int = SIDE) -> np.ndarray:
    """The largest of each block of neighbors, so that no axis is longer than `side`."""
    for axis, length in enumerate(cells.shape):
        starts = np.arange(0, length, max(1, -(-length // side)))
        cells = np.maximum.reduceat(cells, starts, axis)
    return cells
