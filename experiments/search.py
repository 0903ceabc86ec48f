"""Which search finds the best network for its budget: grid, random, halving, Bayesian?

    ./scripts/python experiments/search.py [--data digits] [--epochs 27] [--trials 81] [--quick]

Four strategies choose the width and depth, learning rate, dropout and weight decay of an AdamW
network by its validation loss, and may train as many epochs in all: 81 networks of 27. Halving
begins with as many draws as that pays for, 729. The best network of each is measured once on the
test rows. A repeat has its own split, initialization, batches and draws, the same for all.

The results stand in docs/numbers.md.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import jax

from experiments.searches.report import (
    SearchScore,
    draw,
    evaluate_search,
    format_metrics,
    print_table,
)
from experiments.searches.strategies import STRATEGIES
from fnn import xla
from fnn.data import load, prepare


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

    start_time = time.perf_counter()
    result: dict[str, list[SearchScore]] = {name: [] for name in STRATEGIES}
    dataset = load(options.data)
    for repeat in range(options.repeats):
        prepared = prepare(dataset, seed=repeat)
        for name, strategy in STRATEGIES.items():
            begun = time.perf_counter()
            result[name].append(evaluate_search(strategy(prepared, repeat, options), prepared))
            last = result[name][-1]
            print(
                f"repeat {repeat} {name:<9} {last.spent[-1]:>6,.0f} epochs, validation loss "
                f"{last.best[-1]:.4f}, test {format_metrics(last.test)}, {last.diverged} diverged, "
                f"{time.perf_counter() - begun:.0f} s",
                flush=True,
            )
    print_table(result)
    draw(result, options)
    seconds = time.perf_counter() - start_time
    print(f"{seconds:.0f} s on {jax.devices()[0].device_kind}; {options.out}")


if __name__ == "__main__":
    xla.configure()
    main()
