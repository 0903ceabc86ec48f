"""Does memory stay level over many trainings in one process, of many widths?

    ./scripts/python experiments/soak.py

500 calls of `fnn.train` on iris, of 20 widths in turn. Prints after every 50 the memory that is
resident, what of it is in use (the C library keeps what was freed, so that a small leak would not
show in the first figure for long), arrays of JAX that are alive and Python's objects. Linux only.

The results stand in docs/numbers.md.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
from pathlib import Path

import jax

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
    print(f"{'calls':>5} {'resident MB':>12} {'in use MB':>10} {'arrays':>7} {'objects':>8}")
    for number in range(1, options.calls + 1):
        net = fnn.mlp([2 + number % options.widths], 3)
        fnn.train(net, "iris", epochs=2, seed=number, progress=False)
        if number % options.every == 0:
            gc.collect()
            print(
                f"{number:>5} {resident():>12.1f} {in_use():>10.1f}"
                f" {len(jax.live_arrays()):>7} {len(gc.get_objects()):>8}",
                flush=True,
            )


def resident() -> float:
    """Megabytes of this process that lie in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1e3


class Mallinfo2(ctypes.Structure):
    """What `mallinfo2` of glibc gives."""

    _fields_ = [
        *((f"field_{number}", ctypes.c_size_t) for number in range(4)),
        ("mapped", ctypes.c_size_t),
        *((f"field_{number}", ctypes.c_size_t) for number in range(5, 7)),
        ("used", ctypes.c_size_t),
        *((f"field_{number}", ctypes.c_size_t) for number in range(8, 10)),
    ]


def in_use() -> float:
    """Megabytes that are allocated by the C library and not freed."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Mallinfo2
    found = mallinfo2()
    return float(found.used + found.mapped) / 1e6


if __name__ == "__main__":
    xla.configure()
    main()
