"""What fnn is to reach, and whether it did."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from experiments.peers.training.contestants import ENTRIES, OURS, TITLES, Kind
from experiments.peers.training.rounds import Record
from experiments.peers.training.workloads import WORKLOADS

FRAMEWORKS = tuple(name for name, entry in ENTRIES.items() if entry.kind == Kind.FRAMEWORK)
PEERS = tuple(
    name for name, entry in ENTRIES.items() if entry.kind in (Kind.FRAMEWORK, Kind.LIBRARY)
)


class SpeedTarget(NamedTuple):
    """A bound on fnn's time against others'."""

    work: str
    task: str
    others: tuple[str, ...]
    """the fastest of them counts"""
    bound: float
    words: str
    faster: bool = True
    """fnn is to be at least so many times as fast; else to take at most so many times as long"""


TARGETS = (
    SpeedTarget("mnist", "epoch", FRAMEWORKS, 1.6, "the fastest framework"),
    SpeedTarget("mnist", "epoch", ("floor",), 1.1, "the floor", faster=False),
    SpeedTarget("dropout", "epoch", FRAMEWORKS, 1.6, "the fastest framework"),
    SpeedTarget("wide", "epoch", PEERS, 1.1, "the fastest peer"),
    SpeedTarget("wide", "epoch", ("floor",), 1.2, "the floor", faster=False),
    SpeedTarget("digits", "epoch", FRAMEWORKS, 10, "the fastest framework"),
    SpeedTarget("digits", "epoch", ("numpy",), 3, "NumPy by hand"),
    SpeedTarget("xor", "epoch", FRAMEWORKS, 100, "the fastest framework"),
    SpeedTarget("xor", "epoch", ("numpy",), 30, "NumPy by hand"),
    SpeedTarget("predict", "1 row", PEERS, 1, "the fastest peer"),
    SpeedTarget("predict", "10,000 rows", PEERS, 1, "the fastest peer"),
    SpeedTarget("whole", "process", ("keras",), 0.7, "a Keras-on-JAX script", faster=False),
    SpeedTarget("whole", "process", ("torch",), 1.0, "a PyTorch script", faster=False),
)


class Ratio(NamedTuple):
    """How many times as long: the median of rounds, and the range of their middle half."""

    low: float
    middle: float
    high: float

    @property
    def inverse(self) -> Ratio:
        """The other way round."""
        return Ratio(1 / self.high, 1 / self.middle, 1 / self.low)


@dataclass(frozen=True)
class Verdict:
    """What came of a goal; `reached` is None where it was not measured."""

    subject: str
    wanted: str
    found: str = "not measured"
    reached: bool | None = None


def ratio(seconds: Sequence[float], others: Sequence[float]) -> Ratio:
    """Of turns of the same rounds."""
    ratios = [one / other for one, other in zip(seconds, others, strict=True)]
    if len(ratios) == 1:
        return Ratio(ratios[0], ratios[0], ratios[0])
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(low, middle, high)


def relative(records: Iterable[Record], work: str, task: str) -> dict[str, Ratio]:
    """The time of each contestant that went all rounds, by fnn's."""
    measured = {
        record.contestant: record.tasks[task].seconds
        for record in records
        if record.work == work and not record.failure and task in record.tasks
    }
    if OURS not in measured:
        return {}
    return {name: ratio(seconds, measured[OURS]) for name, seconds in measured.items()}


def verdicts(records: Sequence[Record], works: Iterable[str]) -> list[Verdict]:
    """Of all goals of these works."""
    asked = set(works)
    judged = [_verdict(goal, records) for goal in TARGETS if goal.work in asked]
    return [*judged, _memory(records, WORKLOADS["mnist"].nbytes)] if "mnist" in asked else judged


def _verdict(goal: SpeedTarget, records: Sequence[Record]) -> Verdict:
    times = relative(records, goal.work, goal.task)
    others = {name: times[name] for name in goal.others if name in times}
    how = "≥ {:g} × as fast as {}" if goal.faster else "≤ {:g} × as long as {}"
    subject, wanted = f"{goal.work}, {goal.task}", how.format(goal.bound, goal.words)
    if not others:
        return Verdict(subject, wanted)
    fastest = min(others, key=lambda name: others[name].middle)
    figure = others[fastest] if goal.faster else others[fastest].inverse
    words = f"{figure.middle:.3g} ({figure.low:.3g} to {figure.high:.3g})"
    if len(goal.others) > 1:
        words += f", {TITLES[fastest]}"
    able = [name for name in goal.others if goal.work not in ENTRIES[name].not_in]
    if missing := [TITLES[name] for name in able if name not in others]:
        words += f"; without {', '.join(missing)}"
    reached = figure.middle >= goal.bound if goal.faster else figure.middle <= goal.bound
    return Verdict(subject, wanted, words, reached)


def _memory(records: Sequence[Record], data: int) -> Verdict:
    """Peak memory at mnist, in MB."""
    wanted = "≤ the smallest framework's + the data set"
    peaks = {
        record.contestant: record.memory
        for record in records
        if record.work == "mnist" and not record.failure and record.memory
    }
    others = {name: peaks[name] for name in FRAMEWORKS if name in peaks}
    if OURS not in peaks or not others:
        return Verdict("mnist, memory", wanted)
    smallest = min(others, key=lambda name: others[name])
    bound = others[smallest] + data
    words = (
        f"{peaks[OURS] / 1e6:.0f} MB against {others[smallest] / 1e6:.0f} MB "
        f"({TITLES[smallest]}) + {data / 1e6:.0f} MB"
    )
    return Verdict("mnist, memory", wanted, words, peaks[OURS] <= bound)
