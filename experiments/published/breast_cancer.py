"""P0 mended, trained on breast_cancer: with its own init and rate, and with better ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.intervals import format_interval
from experiments.published import binary_classifier
from experiments.published.network import Array, Params, forward, init
from fnn.data import Dataset, load, prepare
from fnn.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    epoch_axis,
    legend_above,
    new_figure,
    save,
    style_axes,
)

SIZES = (30, *binary_classifier.SIZES[1:])
PUBLISHED = (binary_classifier.SCALE, binary_classifier.RATE)
GRID = [
    (scale, rate)
    for scale in (binary_classifier.SCALE, None)
    for rate in (binary_classifier.RATE, 0.1, 1.0)
]
"""scale of the weights (None: He's) and learning rate"""


class Rows(NamedTuple):
    """A part of the data, as the program takes it."""

    x: Array
    y: Array

    @classmethod
    def of(cls, batch: Any) -> Rows:
        """In float64, with the labels as a column."""
        return cls(np.asarray(batch.x, np.float64), np.asarray(batch.target, np.float64)[:, None])


class TrainedNetwork(NamedTuple):
    """A run: its parameters and the loss of each epoch."""

    params: Params
    losses: Array

    def loss(self, rows: Rows) -> float:
        """Binary cross-entropy."""
        return binary_classifier.CORRECTED.loss(self.params, *rows)

    def accuracy(self, rows: Rows) -> float:
        """Share of right answers."""
        return float(((forward(self.params, rows.x)[-1] > 0) == (rows.y > 0)).mean())


class Outcome(NamedTuple):
    """What one seed gave: every setting's validation accuracy, and the two programs' test rows."""

    validation: list[float]
    chosen: int
    """the setting with the lowest validation loss"""
    losses: tuple[Array, Array]
    """by epoch: with its own numbers, and with the chosen ones"""
    test: tuple[float, float]
    majority: float
    """the share of test rows that the answer "benign" gets right"""


def main(seeds: int, path: Path) -> None:
    """Print accuracies with their intervals, and draw the loss curves of both."""
    start_time = time.perf_counter()
    sizes = "-".join(map(str, SIZES))
    print(f"P0 mended on breast_cancer, {sizes}, {binary_classifier.EPOCHS} epochs")
    dataset = load("breast_cancer")
    outcomes = [outcome(dataset, seed) for seed in range(seeds)]
    for index, (scale, rate) in enumerate(GRID):
        mean = np.mean([result.validation[index] for result in outcomes])
        count = sum(result.chosen == index for result in outcomes)
        print(
            f"  {scale_label(scale):<14} rate {rate:<5} validation accuracy {mean:.4f}, "
            f"chosen for {count} of {seeds} seeds"
        )
    own, chosen = zip(*(result.test for result in outcomes), strict=True)
    print(f"test accuracy, own init and rate:      {format_interval(own)}")
    print(f"test accuracy, chosen on validation:   {format_interval(chosen)}")
    majority = format_interval([result.majority for result in outcomes])
    print(f"share of the larger class among them:  {majority}")
    draw(outcomes, path)
    print(f"{time.perf_counter() - start_time:.1f} s")


def scale_label(scale: float | None) -> str:
    """Weights in words."""
    return "He's weights" if scale is None else f"normal × {scale}"


def outcome(dataset: Dataset, seed: int) -> Outcome:
    """A split and a start of its own; test rows are looked at once by each of the two programs."""
    prepared = prepare(dataset, seed=seed)
    train, validation, test = (Rows.of(part) for part in prepared[:3])
    runs = [trained(train, scale, rate, seed) for scale, rate in GRID]
    chosen = int(np.argmin([run.loss(validation) for run in runs]))
    two = runs[GRID.index(PUBLISHED)], runs[chosen]
    return Outcome(
        [run.accuracy(validation) for run in runs],
        chosen,
        (two[0].losses, two[1].losses),
        (two[0].accuracy(test), two[1].accuracy(test)),
        float(test.y.mean()),
    )


def trained(rows: Rows, scale: float | None, rate: float, seed: int) -> TrainedNetwork:
    """P0 without its faults."""
    params = init(SIZES, scale, np.random.default_rng(seed))
    return TrainedNetwork(params, binary_classifier.train(params, *rows, rate, faults=()))


def draw(outcomes: list[Outcome], path: Path) -> None:
    """Training loss by epoch: a thin line a seed, a thick one for their mean."""
    figure = new_figure(8, 4.4, f"P0 mended, on breast_cancer: {len(outcomes)} splits and starts")
    axes = figure.add_subplot()
    style_axes(axes, "epoch", "mean training loss of the epoch")
    epochs = np.arange(1, binary_classifier.EPOCHS + 1)
    names = (
        f"{scale_label(PUBLISHED[0])}, rate {PUBLISHED[1]}, as published",
        "chosen on validation rows",
    )
    for index, (name, color) in enumerate(zip(names, (ORANGE, BLUE), strict=True)):
        losses = np.array([result.losses[index] for result in outcomes])
        axes.plot(epochs, losses.T, color=color, linewidth=0.6, alpha=0.4)
        axes.plot(epochs, losses.mean(0), color=color, linewidth=2, label=name)
    share = np.mean([result.majority for result in outcomes])
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    axes.axhline(entropy, color=GRAY, linewidth=1, linestyle=":", label="entropy of the labels")
    axes.set_ylim(0, None)
    epoch_axis(axes, binary_classifier.EPOCHS)
    legend_above(axes)
    save(figure, path)
