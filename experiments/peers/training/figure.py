"""Time relative to fnn, a panel for each work, with the floor drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.peers.training.contestants import ENTRIES, OURS, TITLES, Kind
from experiments.peers.training.rounds import Record
from experiments.peers.training.tables import seconds, times
from experiments.peers.training.targets import Ratio, relative
from experiments.peers.training.workloads import WORKLOADS
from fnn.figures.style import BLUE, GRAY, GREEN, ORANGE, log_scale, new_figure, save, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {Kind.OURS: BLUE, Kind.FRAMEWORK: ORANGE, Kind.LIBRARY: GREEN, Kind.YARDSTICK: GRAY}
COLUMNS = 4


def draw(records: Sequence[Record], path: Path) -> None:
    """Points with the range of their middle half; left of 1 is faster than fnn."""
    panels = _panels(records)
    if not panels:
        return
    names = [name for name in TITLES if any(name in measured for measured in panels.values())]
    names = [name for name in names if name not in ("floor", "command")]
    lines = -(-len(panels) // COLUMNS)
    columns = min(COLUMNS, len(panels))
    figure = new_figure(2.2 + 2.9 * columns, 0.9 + lines * (1.1 + 0.23 * len(names)))
    for number, (title, measured) in enumerate(panels.items()):
        axes = figure.add_subplot(lines, columns, number + 1)
        last = number >= len(panels) - columns
        style_axes(axes, "time / fnn's" if last else "", "", title)
        _points(axes, measured, names)
        axes.set_yticks(range(len(names)), [TITLES[name] for name in names], fontsize=10)
        axes.set_ylim(len(names), -0.6)
        if number % columns:
            axes.set_yticklabels([])
    save(figure, path)


def _panels(records: Sequence[Record]) -> dict[str, Mapping[str, Ratio]]:
    """Each task that fnn did, but for evaluations, by a title that says how long fnn took."""
    measured: dict[str, Mapping[str, Ratio]] = {}
    for record in records:
        if record.contestant != OURS or record.failure:
            continue
        for task, timed in record.tasks.items():
            if task == "evaluate":
                continue
            work = WORKLOADS.get(record.work)
            shown = work.shown if work and task == "epoch" else 1
            name = record.work if task in ("epoch", "process") else f"{record.work} {task}"
            title = f"{name}\nfnn {seconds(timed.median * shown)}"
            measured[title] = relative(records, record.work, task)
    return measured


def _points(axes: Axes, measured: Mapping[str, Ratio], names: Sequence[str]) -> None:
    axes.axvline(1, color=BLUE, linewidth=1)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for row, name in enumerate(names):
        if name not in measured:
            axes.text(1.05, row, "–", color=GRAY, va="center")
            continue
        low, middle, high = measured[name]
        color = COLORS[ENTRIES[name].kind]
        axes.plot([low, high], [row, row], color=color, linewidth=2)
        axes.plot([middle], [row], "o", color=color, markersize=6)
        if name != OURS:
            place: dict[str, Any] = {"va": "center", "fontsize": 9, "bbox": box}
            axes.annotate(times(middle), (high, row), (5, 0), textcoords="offset points", **place)
    if floor := measured.get("floor"):
        axes.axvline(floor.middle, color=GRAY, linewidth=1.2, linestyle="--")
        place = {"ha": "center", "va": "center", "fontsize": 9, "bbox": box}
        axes.text(floor.middle, len(names) - 0.4, "floor", color=GRAY, **place)
    log_scale(axes, "x")
    low, high = axes.get_xlim()
    span = high / low
    axes.set_xlim(low * span**-0.12, high * span**0.2)
