"""Does it matter who differentiates? Training by hand-written and by automatic gradients.

./scripts/python experiments/manual_vs_automatic.py [--out FOLDER] [--quick]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from experiments.two_gradients.costs import Cost, cost
from experiments.two_gradients.figures import draw
from experiments.two_gradients.programs import programs
from experiments.two_gradients.reading import cost_words, drift_words
from experiments.two_gradients.tables import cost_heading, cost_line, drift_table
from experiments.two_gradients.trajectories import SETTINGS, Drift, drift
from fnn.figures.canvas import blank
from fnn.files import explained, write_json
from fnn.model import versions
from fnn.spec import FnnError


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and what they say, and write figures and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/manual_vs_automatic"))
    parser.add_argument("--quick", action="store_true", help="a few programs, fewer repetitions")
    options = parser.parse_args(arguments)
    try:
        compare(options.out, options.quick)
    except FnnError as error:
        print(f"manual_vs_automatic: error: {error}", file=sys.stderr)
        return 2
    return 0


def compare(out: Path, quick: bool) -> None:
    """All of it. Raises `FnnError` where `out` can't be written to or matplotlib is missing."""
    began = time.perf_counter()
    blank(1, 1)
    with explained(out):
        out.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_enable_compilation_cache", False)  # compiling is what is timed
    before = machine()
    drifts = followed(quick)
    costs = measured(quick)
    told = {"trajectories": list(drift_words(drifts)), "costs": list(cost_words(costs))}
    say("", "How far apart?", *told["trajectories"], "", "When does it pay?", *told["costs"])
    figures = draw(drifts, costs, out)
    seconds = time.perf_counter() - began
    after = machine()
    write_json(
        out / "result.json",
        {
            "versions": versions(),
            "machine": before | {"load_after": after["load"]},
            "quick": quick,
            "seconds": seconds,
            "said": told,
            "trajectories": [drift.to_json() for drift in drifts],
            "costs": [cost.to_json() for cost in costs],
        },
    )
    say(
        "",
        f"{out} holds {', '.join(figures)}, result.json",
        f"{seconds:.0f} s on {before['device']}, {before['cores']} cores, JAX {jax.__version__}, "
        f"load {before['load']} before and {after['load']} after",
    )


def followed(quick: bool) -> list[Drift]:
    """Trajectories of every network in both dtypes."""
    names = [next(iter(SETTINGS)), list(SETTINGS)[-1]] if quick else list(SETTINGS)
    seeds = range(2 if quick else 5)
    found = [
        drift(name, dtype, seeds=seeds, steps=1_000)
        for name in names
        for dtype in ("float32", "float64")
    ]
    say(*drift_table(found))
    return found


def measured(quick: bool) -> list[Cost]:
    """Costs of every program, a line printed as each is there."""
    say("", "What automatic costs, and manual / automatic (quartiles)", cost_heading())
    found = []
    for program in programs(quick):
        rounds, compilations = (5, 1) if quick else (20, 3)
        found.append(cost(program, rounds=rounds, compilations=compilations))
        say(cost_line(found[-1]))
    return found


def machine() -> dict[str, Any]:
    """Where this runs, and how busy it is."""
    return {
        "device": jax.devices()[0].device_kind,
        "processor": platform.processor() or platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def say(*lines: str) -> None:
    """Printed at once: the whole takes minutes."""
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
