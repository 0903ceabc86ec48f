"""How the strategies compare: a table and a figure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.intervals import interval
from fnn.data import Prepared
from fnn.search import SearchResult
from fnn.training.rows import evaluate_rows


class SearchScore(NamedTuple):
    """A strategy's best validation loss by epochs spent, and its best network's test metrics."""

    spent: np.ndarray
    best: np.ndarray
    test: dict[str, float]
    diverged: int


def evaluate_search(result: SearchResult, prepared: Prepared) -> SearchScore:
    """The best so far by epochs spent, and the test metrics of the best in the end."""
    if result.rungs:
        spent = [rung.spent for rung in result.rungs]
        values = [rung.best for rung in result.rungs]
    else:
        spent = np.cumsum([outcome.epochs for outcome in result.outcomes]).tolist()
        values = [
            np.nan if outcome.status == "diverged" else outcome.values[result.metric]
            for outcome in result.outcomes
        ]
    best = result.best().members[0]
    run = best.member.run
    assert prepared.test is not None
    target_scale = prepared.preprocessing.target_scale
    test = evaluate_rows(
        run.objective, best.params, best.state, prepared.test, run.metric_names, target_scale
    )
    return SearchScore(
        np.array(spent, float),
        np.fmin.accumulate(np.array(values, float)),
        {name: float(test[name]) for name in run.metric_names},
        sum(outcome.status == "diverged" for outcome in result.outcomes),
    )


def format_metrics(metrics: dict[str, float]) -> str:
    """Metrics in words."""
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def print_table(scores: dict[str, list[SearchScore]]) -> None:
    """Means over repeats with 95 % intervals, and their differences from random search."""
    columns = {
        "validation loss": {
            strategy: [one.best[-1] for one in scores[strategy]] for strategy in scores
        }
    }
    for name in scores["random"][0].test:
        columns[f"test {name}"] = {
            strategy: [one.test[name] for one in scores[strategy]] for strategy in scores
        }
    print("\n| strategy | epochs |", " | ".join(f"{name} | less random's" for name in columns), "|")
    print("|---|---|" + "---|---|" * len(columns))
    for strategy, each in scores.items():
        cells = [f"{each[0].spent[-1]:,.0f}"]
        for values in columns.values():
            cells += [cell(values[strategy]), cell(np.subtract(values[strategy], values["random"]))]
        print(f"| {strategy} | {' | '.join(cells)} |")
    print()


def cell(values: Sequence[float] | np.ndarray) -> str:
    """A mean and its interval; a dash where there is nothing to tell."""
    if not np.any(values):
        return "–"
    mean, half = interval(values)
    return f"{mean:.4g} ± {half:.2g}"


def draw(scores: dict[str, list[SearchScore]], options: argparse.Namespace) -> None:
    """The best validation loss so far over epochs spent: means over repeats, and their range."""
    from fnn.figures.style import (
        COLORS,
        GRAY,
        legend_above,
        log_scale,
        new_figure,
        save,
        style_axes,
    )

    figure = new_figure(8.4, 5.2, f"{options.data}: best so far, {options.repeats} repeats")
    axes = figure.add_subplot()
    style_axes(axes, "epochs trained in all", "validation loss of the best so far")
    budget = options.trials * options.epochs
    grid = np.geomspace(options.epochs, budget, 400)
    for (strategy, each), color in zip(scores.items(), [GRAY, *COLORS], strict=False):
        curves = np.array([best_so_far(one, grid) for one in each])
        there = np.isfinite(curves).all(0)
        style: dict[str, Any] = {"color": color, "linewidth": 1.8, "label": strategy}
        if strategy == "usual":
            axes.axhline(curves[:, -1].mean(), linestyle=":", **style)
            continue
        axes.plot(grid[there], curves[:, there].mean(0), **style)
        low, high = curves[:, there].min(0), curves[:, there].max(0)
        axes.fill_between(grid[there], low, high, color=color, alpha=0.1, linewidth=0)
    log_scale(axes, "x")
    log_scale(axes)
    legend_above(axes)
    save(figure, options.out)


def best_so_far(one: SearchScore, grid: np.ndarray) -> np.ndarray:
    """The best so far at these budgets; NaN before the first."""
    index = np.searchsorted(one.spent, grid, side="right") - 1
    return np.where(index >= 0, one.best[np.maximum(index, 0)], np.nan)
