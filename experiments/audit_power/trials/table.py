"""What came of planting the faults: caught, named, diagnosed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby

from fnn.files import json_text

NAMED, DIAGNOSED = 0.95, 0.80
"""the shares that an audit must reach; every fault must be caught"""
WORDS = 60


@dataclass(frozen=True)
class Trial:
    """A fault at one place, and what the audit said."""

    fault: str
    subject: str
    network: str
    path: str
    caught: bool
    """the audit is not ok"""
    named: bool
    """a finding has this layer and leaf"""
    diagnosed: bool
    """… and says what kind of mistake it is"""
    words: str
    """the diagnosis; where the fault is not named, what is said instead"""
    seconds: float


@dataclass(frozen=True)
class Control:
    """A right network, and whether the audit let it pass."""

    network: str
    ok: bool
    words: str
    seconds: float


@dataclass(frozen=True)
class Row:
    """All trials of one fault."""

    fault: str
    subject: str
    planted: int
    caught: int
    named: int
    diagnosed: int
    words: str
    """one of the diagnoses: of a trial that fell short, if any did"""


@dataclass(frozen=True)
class FaultTable:
    """The table of all faults. `ok` says whether the audit is as good as it must be."""

    trials: tuple[Trial, ...]
    right: tuple[Control, ...]
    seed: int
    seconds: float

    @property
    def rows(self) -> tuple[Row, ...]:
        """A row for each fault, in the catalog's order."""
        return tuple(
            _row(list(trials)) for _, trials in groupby(self.trials, lambda trial: trial.fault)
        )

    @property
    def totals(self) -> Row:
        """The trials of all faults counted together."""
        return _counted(self.trials, fault="total", subject="", words="")

    @property
    def false_alarms(self) -> int:
        """Right networks that were not let pass."""
        return sum(not right.ok for right in self.right)

    @property
    def ok(self) -> bool:
        """All caught, 95 % named, 80 % diagnosed, and no false alarm."""
        total = self.totals
        return (
            total.caught == total.planted
            and total.named >= NAMED * total.planted
            and total.diagnosed >= DIAGNOSED * total.planted
            and not self.false_alarms
        )

    def to_json(self, *, indent: int | None = 2) -> str:
        """Everything as JSON text."""
        return json_text(
            {
                "ok": self.ok,
                "seed": self.seed,
                "seconds": self.seconds,
                "totals": asdict(self.totals),
                "rows": [asdict(row) for row in self.rows],
                "trials": [asdict(trial) for trial in self.trials],
                "right": [asdict(right) for right in self.right],
            },
            indent,
        )

    def __str__(self) -> str:
        lines = [_line("fault", "planted", "caught", "named", "diagnosed", "in the audit's words")]
        rule = "─" * (len(lines[0]) + WORDS - 20)
        for subject, rows in groupby(self.rows, lambda row: row.subject):
            lines += [rule, subject]
            lines += [_shown(row) for row in rows]
        total = self.totals
        lines += [rule, _shown(total), _shares(total)]
        lines += [
            f"right networks: {len(self.right)} audited, {self.false_alarms} false alarms",
            *(f"  {right.network}: {right.words}" for right in self.right if not right.ok),
            f"{len(self.rows)} faults, seed {self.seed}, {self.seconds:.0f} s",
        ]
        return "\n".join(lines)


def _row(trials: list[Trial]) -> Row:
    worst = min(trials, key=lambda trial: trial.caught + trial.named + trial.diagnosed)
    return _counted(trials, fault=worst.fault, subject=worst.subject, words=worst.words)


def _counted(trials: Iterable[Trial], *, fault: str, subject: str, words: str) -> Row:
    trials = tuple(trials)
    return Row(
        fault,
        subject,
        planted=len(trials),
        caught=sum(trial.caught for trial in trials),
        named=sum(trial.named for trial in trials),
        diagnosed=sum(trial.diagnosed for trial in trials),
        words=words,
    )


def _shown(row: Row) -> str:
    words = row.words if len(row.words) <= WORDS else row.words[: WORDS - 1] + "…"
    return _line(f"  {row.fault}", row.planted, row.caught, row.named, row.diagnosed, words)


def _line(fault: str, *cells: object) -> str:
    *counts, words = cells
    return f"{fault:40}" + "".join(f"{cell:>10}" for cell in counts) + f"  {words}".rstrip()


def _shares(total: Row) -> str:
    share = [
        f"{count / max(total.planted, 1):.1%}"
        for count in (total.caught, total.named, total.diagnosed)
    ]
    return _line("", "", *share, "")
