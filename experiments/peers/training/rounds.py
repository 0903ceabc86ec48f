"""The contestants of a work side by side: each in its own process, one at a time."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from experiments.peers.training.contestants import Entry
from experiments.peers.training.processes import PeerError, Process
from experiments.peers.training.workloads import Workload


@dataclass
class Timing:
    """Seconds of one thing, such as an epoch, in each round."""

    times: int
    """how often it happens in a turn"""
    seconds: list[float] = field(default_factory=list)
    first: float = float("nan")
    """of the very first, compiling included"""
    value: float = float("nan")
    """what it gave in the last round, such as a loss"""

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.seconds) if self.seconds else float("nan")


@dataclass
class Record:
    """What a contestant did at a work."""

    contestant: str
    work: str
    tasks: dict[str, Timing] = field(default_factory=dict)
    importing: float = float("nan")
    setting_up: float = float("nan")
    memory: int = 0
    """bytes at the peak"""
    waiting: float = 0.0
    """the most seconds of CPU that it used between two of its turns"""
    versions: dict[str, str] = field(default_factory=dict)
    failure: str = ""


def measure(
    work: Workload, entries: Mapping[str, Entry], rounds: int, python: Path, folder: Path
) -> list[Record]:
    """Everything timed, a record for each contestant; one that ends early says why in its own.

    The first turn, which does a thing once, and one more are not among the rounds.
    """
    records = {name: Record(name, work.name) for name in entries}
    alive: dict[str, Process] = {}
    try:
        for name, entry in entries.items():
            with _noted(records[name], alive):
                alive[name] = Process(name, entry, work, python, folder)
                reply = alive[name].started
                records[name].importing, records[name].setting_up = (
                    reply["import"],
                    reply["set_up"],
                )
        for number in range(len(work.tasks(slow=False))):
            _rounds(work, entries, number, rounds, records, alive)
        for name, process in list(alive.items()):
            with _noted(records[name], alive):
                reply = process.ask(do="report")
                records[name].memory, records[name].versions = (
                    reply["memory"],
                    reply["versions"],
                )
    finally:
        for process in alive.values():
            process.end()
    return list(records.values())


def _rounds(
    work: Workload,
    entries: Mapping[str, Entry],
    number: int,
    rounds: int,
    records: Mapping[str, Record],
    alive: dict[str, Process],
) -> None:
    """One of the work's tasks, in turns."""
    for turn, name in in_turns(list(alive), rounds):
        if name not in alive:
            continue
        record, task = records[name], work.tasks(entries[name].slow)[number]
        timed = record.tasks.setdefault(task.name, Timing(task.times))
        with _noted(record, alive):
            reply = alive[name].ask(**(task.command if turn else task.first))
            record.waiting = max(record.waiting, reply["waiting"])
            timed.value = reply["value"]
            if turn == 0:
                timed.first = reply["seconds"]
            elif turn > 1:
                timed.seconds.append(reply["seconds"] / task.times)


def in_turns(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """The number of the turn, and whose it is.

    Two turns come before the rounds. Who begins moves on from turn to turn.
    """
    for turn in range(rounds + 2):
        first = turn % len(names) if names else 0
        for name in [*names[first:], *names[:first]]:
            yield turn, name


@contextmanager
def _noted(record: Record, alive: dict[str, Process]) -> Iterator[None]:
    """A contestant that fails is out, and its record says why."""
    try:
        yield
    except PeerError as error:
        record.failure = str(error)
        if record.contestant in alive:
            alive.pop(record.contestant).end()
