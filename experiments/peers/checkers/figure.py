"""What each checker catches, how often it cries wolf, and how long it takes: one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.peers.checkers.scores import ABSENT, Score
from fnn.figures.style import BLUE, GRAY, ORANGE, new_figure, save, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALE, YELLOW, LIGHT = "#9cc9e3", "#e69f00", "#bdc1c6"
Part = tuple[str, str, list[int]]
"""label, color, and a count for each checker"""


def draw(outcomes: Sequence[Score], path: Path) -> None:
    """Three panels, a row for each checker."""
    figure = new_figure(13.5, 2.2 + 0.36 * len(outcomes), "The same gradients through all checkers")
    caught, alarms, seconds = (figure.add_subplot(1, 3, number) for number in (1, 2, 3))
    asked = [max(tally.asked for tally in tallies) for tallies in _tallies(outcomes)]
    style_axes(caught, "", "", f"{asked[0]} wrong gradients")
    _bars(
        caught,
        ("caught, layer named", BLUE, [score.named for score in outcomes]),
        ("caught", PALE, [len(score.faults.objects) - score.named for score in outcomes]),
        ("undecided", LIGHT, [len(score.faults.undecided) for score in outcomes]),
        ("let pass", ORANGE, [len(score.faults.passes) for score in outcomes]),
        ("error", GRAY, [len(score.faults.errors) for score in outcomes]),
    )
    style_axes(alarms, "", "", f"{asked[1]} right gradients")
    _bars(
        alarms,
        ("false alarm", ORANGE, [score.alarms for score in outcomes]),
        ("at a corner", YELLOW, [len(score.at_corners) for score in outcomes]),
        ("undecided", LIGHT, [len(score.right.undecided) for score in outcomes]),
        ("error", GRAY, [len(score.right.errors) for score in outcomes]),
        ("let pass", PALE, [len(score.right.passes) for score in outcomes]),
    )
    style_axes(seconds, "seconds, median", "", "a check")
    _seconds(seconds, outcomes)
    for axes in (caught, alarms, seconds):
        _rows(axes, [score.checker if axes is caught else "" for score in outcomes])
    for row, score in enumerate(outcomes):
        if not score.faults.asked + score.right.asked:
            caught.text(0.5, row, ABSENT, va="center", color=GRAY)
    save(figure, path)


def _tallies(outcomes: Sequence[Score]) -> tuple[list, list]:
    return [score.faults for score in outcomes], [score.right for score in outcomes]


def _bars(axes: Axes, *parts: Part) -> None:
    """Stacked, with the count in each piece that has room for it."""
    left = np.zeros(len(parts[0][2]))
    widest = np.sum([counts for _, _, counts in parts], axis=0).max()
    for label, color, counts in parts:
        if any(counts):
            bars = axes.barh(range(len(counts)), counts, left=left, color=color, label=label)
            shown = [str(count) if count > widest / 20 else "" for count in counts]
            axes.bar_label(bars, shown, label_type="center", fontsize=9)
        left += counts
    _legend(axes, columns=3)


def _seconds(axes: Axes, outcomes: Sequence[Score]) -> None:
    """Of a planted fault and of a network that is new."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    rows = range(len(outcomes))
    axes.plot([score.faults.seconds for score in outcomes], rows, "o", color=BLUE, label="planted")
    new = [score.right.seconds for score in outcomes]
    axes.plot(new, rows, "s", color=ORANGE, markersize=5, label="new network")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    _legend(axes, columns=2)


def _legend(axes: Axes, columns: int) -> None:
    """Below the axis, if there is anything to tell apart."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            fontsize=9, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=columns
        )


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(False, axis="y")
