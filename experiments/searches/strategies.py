"""The search strategies, with one space and one budget."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna

import fnn
from fnn.data import Prepared
from fnn.optimizers import AdamW
from fnn.search import SearchResult, bayes, halving
from fnn.search.halving import ladder
from fnn.sweeps import Range
from fnn.training import Selection
from fnn.training.train import default_loss

SPACE: dict[str, Any] = {
    "hidden": [(16,), (64,), (64, 64)],
    "learning_rate": Range(1e-4, 1.0, log=True),
    "dropout": Range(0.0, 0.6),
    "weight_decay": Range(1e-5, 1.0, log=True),
}
USUAL = {"hidden": (64, 64), "learning_rate": 1e-3, "dropout": 0.2, "weight_decay": 1e-4}
ETA = 3


Strategy = Callable[[Prepared, int, argparse.Namespace], SearchResult]


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


def by_trials(
    prepared: Prepared, repeat: int, options: argparse.Namespace, **more: Any
) -> SearchResult:
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


def by_usual(prepared: Prepared, repeat: int, options: argparse.Namespace) -> SearchResult:
    """No search: one network with usual settings."""
    return by_trials(prepared, repeat, options, trials=1, first=[USUAL])


def by_grid(prepared: Prepared, repeat: int, options: argparse.Namespace) -> SearchResult:
    """As many values of each number as make no more networks than there may be."""
    count = int((options.trials / len(SPACE["hidden"])) ** (1 / (len(SPACE) - 1)) + 1e-9)
    axes = [axis.grid(count) if isinstance(axis, Range) else axis for axis in SPACE.values()]
    first = [dict(zip(SPACE, values, strict=True)) for values in itertools.product(*axes)]
    np.random.default_rng(repeat).shuffle(first)
    return by_trials(prepared, repeat, options, trials=len(first), first=first)


def by_random(prepared: Prepared, repeat: int, options: argparse.Namespace) -> SearchResult:
    """Settings drawn at random."""
    return by_trials(prepared, repeat, options, sampler=optuna.samplers.RandomSampler)


def by_bayes(prepared: Prepared, repeat: int, options: argparse.Namespace) -> SearchResult:
    """Optuna's TPE, a batch at a time."""
    return by_trials(prepared, repeat, options, batch=options.batch)


def by_halving(prepared: Prepared, repeat: int, options: argparse.Namespace) -> SearchResult:
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


STRATEGIES: dict[str, Strategy] = {
    "usual": by_usual,
    "grid": by_grid,
    "random": by_random,
    "halving": by_halving,
    "Bayesian": by_bayes,
}
