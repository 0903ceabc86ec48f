"""Three figures: distances over steps, ratios over width, depth and batch, ratios by kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.two_gradients.conclusions import verdict
from experiments.two_gradients.costs import MEASURES, TIMED, Cost, format_ratio
from experiments.two_gradients.programs import SCAN
from experiments.two_gradients.trajectories import Drift
from fnn.figures.style import BLUE, GRAY, ORANGE, new_figure, save, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST = 0.1
"""ratios below are drawn here, with their value beside them"""


def draw(drifts: Sequence[Drift], costs: Sequence[Cost], folder: Path) -> list[str]:
    """Write the figures, and give their names."""
    draw_distances(drifts, folder / "distances.png")
    draw_axes(costs, folder / "ratios.png")
    draw_kinds(costs, folder / "kinds.png")
    return ["distances.png", "ratios.png", "kinds.png"]


def draw_distances(drifts: Sequence[Drift], path: Path) -> None:
    """A panel a network; the mean over seeds, and their range."""
    from matplotlib.ticker import LogLocator, NullFormatter

    names = list(dict.fromkeys(drift.name for drift in drifts))
    rows = -(-len(names) // 2)
    figure = new_figure(
        10.5, 0.7 + 3.7 * rows, "Manual against automatic gradients: distance of the parameters"
    )
    for number, name in enumerate(names, 1):
        axes = figure.add_subplot(rows, 2, number)
        style_axes(axes, "training step", "‖θ − θ automatic‖ / ‖θ automatic‖", name)
        for drift in (drift for drift in drifts if drift.name == name):
            color = ORANGE if drift.dtype == "float32" else BLUE
            _distances(axes, drift.manual, color, "-", f"{drift.dtype}, manual")
            aside = f"{drift.dtype}, automatic, one ulp aside"
            _distances(axes, drift.nudged, color, ":", aside)
        axes.set(xscale="log", yscale="log", ylim=(1e-20, 10))
        axes.yaxis.set_major_locator(LogLocator(numticks=12))
        axes.yaxis.set_minor_formatter(NullFormatter())
        if number == 1:
            axes.legend(fontsize=9, edgecolor="none", framealpha=0.85, loc="upper left")
    save(figure, path)


def _distances(axes: Axes, values: np.ndarray, color: str, style: str, label: str) -> None:
    """Distances (seeds, steps + 1) that are not 0."""
    steps = np.flatnonzero((values > 0).all(0))
    steps, values = steps[steps > 0], values[:, steps[steps > 0]]
    low, high = values.min(0), values.max(0)
    axes.fill_between(steps, low, high, color=color, alpha=0.15, linewidth=0)
    axes.plot(steps, values.mean(0), style, color=color, linewidth=1.7, label=label)


def draw_axes(costs: Sequence[Cost], path: Path) -> None:
    """A row a measure; columns are width, batch, depth, and depth in one scan."""
    columns = ["width", "batch", "depth", f"depth{SCAN}"]
    figure = new_figure(
        12.5, 11.5, "Cost of manual / automatic gradient; gray: automatic against itself"
    )
    for row, (measure, words) in enumerate(MEASURES.items()):
        for column, axis in enumerate(columns):
            axes = figure.add_subplot(len(MEASURES), len(columns), row * len(columns) + column + 1)
            last = row == len(MEASURES) - 1
            style_axes(axes, axis if last else "", words if column == 0 else "")
            chosen = [cost for cost in costs if cost.program.axis == axis]
            places = [float(cost.program.value) for cost in chosen]
            if measure in TIMED:
                _points(axes, places, chosen, measure, "again", GRAY)
            _points(axes, places, chosen, measure, "manual", BLUE)
            _powers_of_two(axes, places)
            _ratio_axis(axes, "y", measure)
    save(figure, path)


def draw_kinds(costs: Sequence[Cost], path: Path) -> None:
    """A panel a measure, a line a kind of layer; in the gray band nothing can be told."""
    chosen = [cost for cost in costs if cost.program.axis.startswith("kind")]
    kinds = list(dict.fromkeys(str(cost.program.value) for cost in chosen))
    figure = new_figure(
        13,
        1.6 + 0.36 * max(len(kinds), 4),
        "Cost of manual / automatic gradient: 8 layers of 128 units, "
        "blue one after another, orange in one scan",
    )
    for number, (measure, words) in enumerate(MEASURES.items(), 1):
        axes = figure.add_subplot(1, len(MEASURES), number)
        style_axes(axes, "ratio", "", words)
        axes.axvspan(*verdict(costs, measure).band, color=GRAY, alpha=0.18, linewidth=0)
        for shift, repeated, color in ((-0.14, False, BLUE), (0.14, True, ORANGE)):
            seen = [cost for cost in chosen if cost.program.repeated == repeated]
            places = [kinds.index(str(cost.program.value)) + shift for cost in seen]
            _points(axes, places, seen, measure, "manual", color, flat=True)
        axes.set(ylim=(len(kinds) - 0.5, -0.5))
        axes.set_yticks(range(len(kinds)), kinds if number == 1 else [""] * len(kinds))
        _ratio_axis(axes, "x", measure)
    save(figure, path)


def _points(
    axes: Axes,
    places: Sequence[float],
    costs: Sequence[Cost],
    measure: str,
    contestant: str,
    color: str,
    *,
    flat: bool = False,
) -> None:
    """Medians joined, and quartiles as bars; `flat` has ratios to the right and joins nothing."""
    ratios = [cost.ratio(measure, contestant) for cost in costs]
    reported = [(at, ratio) for at, ratio in zip(places, ratios, strict=True) if ratio is not None]
    if not reported:
        axes.text(0.5, 0.3, "not told", transform=axes.transAxes, ha="center", color=GRAY)
        return
    where = np.array([at for at, _ in reported])
    lower, middle, upper = np.maximum(np.array([ratio for _, ratio in reported]).T, LOWEST)
    x, y = (middle, where) if flat else (where, middle)
    if not flat:
        axes.plot(x, y, color=color, linewidth=1.4)
    axes.plot(x, y, "o", color=color, markersize=5)
    (axes.hlines if flat else axes.vlines)(where, lower, upper, color=color, linewidth=1.2)
    for at, ratio in reported:
        if ratio[1] < LOWEST:
            spot = (LOWEST, at) if flat else (at, LOWEST)
            text = format_ratio(ratio[1])
            axes.annotate(text, spot, (8, -3), textcoords="offset points", fontsize=9, color=color)


def _ratio_axis(axes: Axes, which: str, measure: str) -> None:
    """A log scale from LOWEST or half, with a line at 1."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

    (axes.axhline if which == "y" else axes.axvline)(1, color=GRAY, linewidth=1, zorder=0)
    low, high = (0.085, 2.2) if measure == "memory" else (0.4, 2.2)
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    (axes.set_ylim if which == "y" else axes.set_xlim)(low, high)
    scale = axes.yaxis if which == "y" else axes.xaxis
    ticks = (0.1, 0.25, 0.5, 1, 2) if measure == "memory" else (0.5, 0.7, 1, 1.4, 2)
    scale.set_major_locator(FixedLocator(ticks))
    scale.set_major_formatter(StrMethodFormatter("{x:g}"))
    scale.set_minor_locator(NullLocator())
    scale.set_minor_formatter(NullFormatter())


def _powers_of_two(axes: Axes, places: Sequence[float]) -> None:
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log", base=2)
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.xaxis.set_minor_locator(NullLocator())
