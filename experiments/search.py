"""Which search finds the best network for its budget: grid, random, halving, Bayesian?

    ./scripts/python experiments/search.py [--data digits] [--epochs 27] [--trials 81] [--quick]

Four ways choose the width and depth, learning rate, dropout and weight decay of an AdamW network by
its validation loss, and may train as many epochs in all: `trials` networks of `epochs` epochs.
Halving begins with as many draws as that pays for. The best network of each is measured once on the
test rows. A repeat has its own split, initialisation, batches and draws, the same for all ways.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optuna

import fnn
from experiments.intervals import interval
from fnn.data import Prepared, load, prepare
from fnn.optimizers import AdamW
from fnn.search import Search, bayes, halving
from fnn.search.halving import ladder
from fnn.sweeps import Between
from fnn.training import Selection
from fnn.training.rows import evaluate_rows
from fnn.training.train import default_loss

SPACE: dict[str, Any] = {
    "hidden": [(16,), (64,), (64, 64)],
    "learning_rate": Between(1e-4, 1.0, log=True),
    "dropout": Between(0.0, 0.6),
    "weight_decay": Between(1e-5, 1.0, log=True),
}
USUAL = {"hidden": (64, 64), "learning_rate": 1e-3, "dropout": 0.2, "weight_decay": 1e-4}
ETA = 3


class Found(NamedTuple):
    """What a way came to: best validation loss by epochs spent, and the best one's test metrics."""

    spent: np.ndarray
    best: np.ndarray
    test: dict[str, float]
    diverged: int


Way = Callable[[Prepared, int, argparse.Namespace], Search]


def main() -> None:
    """Search, repeat, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--trials", type=int, default=81)
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument(
        "--batch", type=int, default=9, help="asks at a time of the Bayesian search"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("search.png"))
    parser.add_argument("--quick", action="store_true", help="24 networks, 3 epochs, 2 repeats")
    options = parser.parse_args()
    if options.quick:
        options.trials, options.epochs, options.repeats, options.batch = 24, 3, 2, 8

    began = time.perf_counter()
    found: dict[str, list[Found]] = {name: [] for name in WAYS}
    dataset = load(options.data)
    for repeat in range(options.repeats):
        prepared = prepare(dataset, seed=repeat)
        for name, way in WAYS.items():
            begun = time.perf_counter()
            found[name].append(measured(way(prepared, repeat, options), prepared))
            last = found[name][-1]
            print(
                f"repeat {repeat} {name:<9} {last.spent[-1]:>6,.0f} epochs, validation loss "
                f"{last.best[-1]:.4f}, test {told(last.test)}, {last.diverged} diverged, "
                f"{time.perf_counter() - begun:.0f} s",
                flush=True,
            )
    print_table(found)
    draw(found, options)
    seconds = time.perf_counter() - began
    print(f"{seconds:.0f} s on {jax.devices()[0].device_kind}; {options.out}")


def builder(prepared: Prepared) -> Callable[[dict[str, Any]], fnn.Run]:
    """The run of a setting."""

    def build(settings: dict[str, Any]) -> fnn.Run:
        net = fnn.mlp(
            settings["hidden"], prepared.preprocessing.outputs, dropout=settings["dropout"]
        )
        optimizer = AdamW(settings["learning_rate"], weight_decay=settings["weight_decay"])
        objective = fnn.Objective(net, default_loss(prepared))
        return fnn.Run(objective, optimizer, 32, selection=Selection("loss"))

    return build


def by_asking(prepared: Prepared, repeat: int, options: argparse.Namespace, **more: Any) -> Search:
    """A search of as many trials as there may be, or as asked for."""
    given: dict[str, Any] = {"trials": options.trials, "batch": options.trials, **more}
    return bayes(
        builder(prepared),
        prepared,
        over=SPACE,
        epochs=options.epochs,
        seed=repeat,
        order_seed=repeat,
        **given,
    )


def by_usual(prepared: Prepared, repeat: int, options: argparse.Namespace) -> Search:
    """No search: one network with usual settings."""
    return by_asking(prepared, repeat, options, trials=1, first=[USUAL])


def by_grid(prepared: Prepared, repeat: int, options: argparse.Namespace) -> Search:
    """As many values of each number as make no more networks than there may be."""
    count = int((options.trials / len(SPACE["hidden"])) ** (1 / (len(SPACE) - 1)) + 1e-9)
    axes = [axis.grid(count) if isinstance(axis, Between) else axis for axis in SPACE.values()]
    first = [dict(zip(SPACE, values, strict=True)) for values in itertools.product(*axes)]
    return by_asking(prepared, repeat, options, trials=len(first), first=first)


def by_random(prepared: Prepared, repeat: int, options: argparse.Namespace) -> Search:
    """Settings drawn at random."""
    return by_asking(prepared, repeat, options, sampler=optuna.samplers.RandomSampler)


def by_bayes(prepared: Prepared, repeat: int, options: argparse.Namespace) -> Search:
    """Optuna's TPE, a batch at a time."""
    return by_asking(prepared, repeat, options, batch=options.batch)


def by_halving(prepared: Prepared, repeat: int, options: argparse.Namespace) -> Search:
    """As many draws as the budget pays for."""
    budget = options.trials * options.epochs
    return halving(
        builder(prepared),
        prepared,
        over=SPACE,
        draws=next(n for n in range(budget, 0, -1) if cost(n, options.epochs) <= budget),
        epochs=options.epochs,
        eta=ETA,
        seed=repeat,
        order_seed=repeat,
    )


def cost(draws: int, epochs: int) -> int:
    """Epochs that successive halving trains in all."""
    rungs = ladder(draws, epochs, ETA)
    before = [0, *(height for height, _ in rungs)]
    return sum(here * (height - low) for (height, here), low in zip(rungs, before, strict=False))


WAYS: dict[str, Way] = {
    "usual": by_usual,
    "grid": by_grid,
    "random": by_random,
    "halving": by_halving,
    "Bayesian": by_bayes,
}


def measured(made: Search, prepared: Prepared) -> Found:
    """The best so far by epochs spent, and the test metrics of the best in the end."""
    if made.rungs:
        spent = [rung.spent for rung in made.rungs]
        values = [rung.best for rung in made.rungs]
    else:
        spent = np.cumsum([outcome.epochs for outcome in made.outcomes]).tolist()
        values = [
            np.nan if outcome.status == "diverged" else outcome.values[made.metric]
            for outcome in made.outcomes
        ]
    best = made.best().members[0]
    run = best.member.run
    assert prepared.test is not None
    unit = prepared.preprocessing.unit
    test = evaluate_rows(run.objective, best.params, best.state, prepared.test, run.measured, unit)
    return Found(
        np.array(spent, float),
        np.fmin.accumulate(np.array(values, float)),
        {name: float(test[name]) for name in run.measured},
        sum(outcome.status == "diverged" for outcome in made.outcomes),
    )


def told(metrics: dict[str, float]) -> str:
    """Metrics in words."""
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def print_table(found: dict[str, list[Found]]) -> None:
    """Means over repeats with 95 % intervals; differences are of the same repeats."""
    names = list(found["random"][0].test)
    print(
        "\n| way | epochs | validation loss |", " | ".join(f"test {name}" for name in names), end=""
    )
    print(" | test loss less random's |\n|---|---|---|" + "---|" * (len(names) + 1))
    random = np.array([one.test["loss"] for one in found["random"]])
    for way, each in found.items():
        columns = [[one.best[-1] for one in each]]
        columns += [[one.test[name] for one in each] for name in names]
        columns.append(np.array([one.test["loss"] for one in each]) - random)
        cells = [cell(column) for column in columns]
        print(f"| {way} | {each[0].spent[-1]:,.0f} | {' | '.join(cells)} |")
    print()


def cell(values: Sequence[float] | np.ndarray) -> str:
    """A mean and its interval; a dash where there is nothing to tell."""
    if not np.any(values):
        return "–"
    mean, half = interval(values)
    return f"{mean:.4f} ± {half:.4f}"


def draw(found: dict[str, list[Found]], options: argparse.Namespace) -> None:
    """The best validation loss so far over epochs spent: means over repeats, and their range."""
    from fnn.figures.canvas import COLOURS, GREY, blank, dress, save

    figure = blank(8.4, 5.2, f"{options.data}: best so far, {options.repeats} repeats")
    axes = figure.add_subplot()
    dress(axes, "epochs trained in all", "validation loss of the best so far")
    budget = options.trials * options.epochs
    grid = np.geomspace(options.epochs, budget, 400)
    for (way, each), colour in zip(found.items(), [GREY, *COLOURS], strict=False):
        curves = np.array([at(one, grid) for one in each])
        there = np.isfinite(curves).all(0)
        style: dict[str, Any] = {"color": colour, "linewidth": 1.8, "label": way}
        if way == "usual":
            axes.axhline(curves[:, -1].mean(), linestyle=":", **style)
            continue
        axes.plot(grid[there], curves[:, there].mean(0), **style)
        low, high = curves[:, there].min(0), curves[:, there].max(0)
        axes.fill_between(grid[there], low, high, color=colour, alpha=0.1, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend(fontsize=10, edgecolor="none", framealpha=0.85)
    save(figure, options.out)


def at(one: Found, grid: np.ndarray) -> np.ndarray:
    """The best so far at these budgets; NaN before the first."""
    index = np.searchsorted(one.spent, grid, side="right") - 1
    return np.where(index >= 0, one.best[np.maximum(index, 0)], np.nan)


if __name__ == "__main__":
    main()
