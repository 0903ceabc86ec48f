"""Does memory stay level over many trainings in one process, of many widths?

    ./scripts/python experiments/soak.py

500 calls of `fnn.train` on iris, of 20 widths in turn. Prints the resident memory after every 50,
and the programs that JAX keeps compiled.

The results stand in docs/numbers.md.
"""

from __future__ import annotations

import argparse
import gc
import json
from pathlib import Path

import fnn
from experiments.machine import machine
from fnn import xla


def main() -> None:
    """Train again and again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--widths", type=int, default=20)
    parser.add_argument("--every", type=int, default=50)
    options = parser.parse_args()
    print(json.dumps(machine()))
    for number in range(1, options.calls + 1):
        net = fnn.mlp([2 + number % options.widths], 3)
        fnn.train(net, "iris", epochs=2, seed=number, progress=False)
        if number % options.every == 0:
            gc.collect()
            print(f"{number:>5} calls {resident():>8.1f} MB", flush=True)


def resident() -> float:
    """Megabytes of this process that lie in memory; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    xla.configure()
    main()
