"""How cost grows: time an epoch and peak memory over rows, width, depth and batch.

    ./scripts/bench growth [--only rows width depth batch] [--turns 5] [--out FOLDER]

Every point is a process of its own. The usual network: 64 inputs, two hidden layers of 128 units,
relu, 10 classes, Adam, batches of 128 of 10,000 rows; one number of it varies. Depth is varied in
layers of 64 units, one after another and in one `Repeat`, whose program does not grow. The floor is
the step's matrix products alone by NumPy's BLAS; memory is compared with what rows, parameters and
Adam's two moments take, on top of a process that trains four rows.

Slopes are those of the logarithms at the end of each axis, of the time a row: 0 does not grow, 1 is
proportional to the number, and nothing should be steeper than the floor is there.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import jax

import fnn
from experiments.benchmarks.growth_figure import draw
from experiments.machine import machine
from experiments.peers.training.blas_floor import Floor
from experiments.peers.training.fnn_engine import Engine
from experiments.peers.training.worker import peak_memory
from experiments.peers.training.workloads import Workload
from fnn import xla
from fnn.files import write_json

LEAST = 0.2
"""seconds of a turn, in as many epochs as it takes"""


@dataclass(frozen=True)
class Point:
    """A network and its rows. `depth` counts hidden layers."""

    axis: str
    value: int
    rows: int = 10_000
    width: int = 128
    depth: int = 2
    batch: int = 128
    repeat: bool = False

    @property
    def work(self) -> Workload:
        return Workload(self.axis, (64, *[self.width] * self.depth, 10), self.rows, self.batch)

    @property
    def net(self) -> fnn.Layer | None:
        """Another than the work's, of the same shapes."""
        if not self.repeat:
            return None
        block = fnn.Serial(fnn.Dense(self.width), fnn.Activation("relu"))
        return fnn.Serial(block, fnn.Repeat(block, self.depth - 1), fnn.Dense(10))


@dataclass(frozen=True)
class Cost:
    """What a point took: seconds, and bytes.

    `needed` is what rows, parameters and moments take.
    """

    point: Point
    epoch: float
    floor: float
    compiling: float
    peak: int
    needed: int

    def a_row(self, name: str) -> float:
        """Seconds an epoch and row, of `epoch` or `floor`."""
        seconds: float = getattr(self, name)
        return seconds / self.point.rows


def points() -> Iterator[Point]:
    """All that is measured."""
    for rows in (1_000, 10_000, 100_000, 1_000_000):
        yield Point("rows", rows, rows=rows)
    for width in (32, 64, 128, 256, 512, 1024, 2048, 4096):
        yield Point("width", width, width=width, rows=max(256, min(10_000, 2_000_000 // width)))
    for depth in (1, 2, 5, 10, 20, 50):
        yield Point("depth", depth, width=64, depth=depth)
    for depth in (2, 5, 10, 20, 50):
        yield Point("depth in one Repeat", depth, width=64, depth=depth, repeat=True)
    for batch in (1, 8, 32, 128, 512, 2_048, 10_000):
        yield Point("batch", batch, batch=batch)


def main() -> None:
    """Print the table; write figure and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=["rows", "width", "depth", "batch"])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/growth"))
    parser.add_argument("--point", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        print(json.dumps(asdict(measured(Point(**json.loads(options.point)), options.turns))))
        return
    chosen = [p for p in points() if not options.only or p.axis.split()[0] in options.only]
    empty = _apart(Point("rows", 4, rows=4, batch=4), 1).peak
    print(f"{'':<20} {'':>9} {'an epoch':>11} {'floor':>10} {'ratio':>6} {'compiling':>10}  memory")
    costs = []
    for point in chosen:
        cost = _apart(point, options.turns)
        costs.append(cost)
        print(_line(cost, empty), flush=True)
    for line in slopes(costs):
        print(line)
    options.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine(), "jax": jax.__version__, "empty": empty}
    write_json(options.out / "growth.json", record | {"costs": [asdict(cost) for cost in costs]})
    draw(costs, empty, options.out / "growth.png")
    print(f"{options.out} holds growth.json, growth.png")


def _apart(point: Point, turns: int) -> Cost:
    """The cost as a process of its own finds it."""
    command = [sys.executable, "-P", "-m", "experiments.benchmarks.growth", "--turns", str(turns)]
    done = subprocess.run(
        [*command, "--point", json.dumps(asdict(point))], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{point.axis} {point.value:,} failed:\n{done.stderr[-2_000:]}")
    result = json.loads(done.stdout)
    return Cost(point, **{name: value for name, value in result.items() if name != "point"})


def measured(point: Point, turns: int) -> Cost:
    """The engine first, for its peak memory; then the floor."""
    engine = Engine(point.work, point.net)
    start_time = time.perf_counter()
    engine.source.advance(engine.state, 0, 0)
    compiling = time.perf_counter() - start_time
    epoch, peak = _seconds(engine.train, turns), peak_memory()
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(engine.state.params))
    floor = _seconds(Floor(point.work).train, turns)
    return Cost(point, epoch, floor, compiling, peak, point.work.nbytes + 3 * size)


def _seconds(train: Callable[[int], object], turns: int) -> float:
    """Seconds an epoch, the median of turns."""
    start_time = time.perf_counter()
    train(1)
    epochs = max(math.ceil(LEAST / (time.perf_counter() - start_time)), 1)
    times = []
    for _ in range(turns):
        start_time = time.perf_counter()
        train(epochs)
        times.append((time.perf_counter() - start_time) / epochs)
    return statistics.median(times)


def slopes(costs: list[Cost]) -> Iterator[str]:
    """How steep time and floor are at the end of each axis, logarithm over logarithm."""
    yield ""
    for axis in dict.fromkeys(cost.point.axis for cost in costs):
        own = [cost for cost in costs if cost.point.axis == axis]
        last = own[-1]
        before = max((c for c in own if c.point.value <= last.point.value / 4), key=_value)
        steps = math.log(last.point.value / before.point.value)
        reported = [
            math.log(last.a_row(name) / before.a_row(name)) / steps for name in ("epoch", "floor")
        ]
        yield (
            f"{axis}, {before.point.value:,} to {last.point.value:,}: time a row grows with power "
            f"{reported[0]:.2f}, the floor with {reported[1]:.2f}"
        )


def _value(cost: Cost) -> int:
    return cost.point.value


def _line(cost: Cost, empty: int) -> str:
    extra, mib = cost.peak - empty, 2**20
    return (
        f"{cost.point.axis:<20} {cost.point.value:>9,} {1e3 * cost.epoch:>8.2f} ms"
        f" {1e3 * cost.floor:>7.2f} ms {cost.epoch / cost.floor:>6.2f} {cost.compiling:>8.2f} s "
        f" {extra / mib:,.0f} MiB for {cost.needed / mib:,.0f}"
    )


if __name__ == "__main__":
    xla.configure()
    main()
