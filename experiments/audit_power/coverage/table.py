"""What was found in many networks: a line each, and all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from experiments.audit_power.coverage.covering_array import Row, pairs_of
from fnn.audit.render.text import figure
from fnn.files import json_text
from fnn.spec.errors import shorten

WORDS = 90
"""the widest that a column gets"""


@dataclass(frozen=True)
class Comparison:
    """A network of the design: manual against automatic."""

    words: str
    levels: Row
    leaves: int
    worst: float
    """the largest |manual − automatic| of a leaf, in units of its floor"""
    path: str
    """that leaf"""
    audit: str
    """the full audit's verdicts and objections, "" where none was made"""
    ok: bool
    seconds: float


@dataclass(frozen=True)
class CoverageTable:
    """The whole design. `print` it for the table; `ok` says whether all networks agree."""

    lines: tuple[Comparison, ...]
    dtype: str
    seed: int
    pairs: int
    """of levels, that there are"""
    floors: float | None
    """how many noise floors the two gradients may be apart, where that was asked"""

    @property
    def ok(self) -> bool:
        """Manual is automatic in every network, and no full audit has an objection."""
        return all(line.ok for line in self.lines)

    @property
    def totals(self) -> dict[str, Any]:
        """Networks, leaves, pairs of levels that stood together, and the largest difference."""
        worst = max(self.lines, key=lambda line: line.worst)
        return {
            "networks": len(self.lines),
            "leaves": sum(line.leaves for line in self.lines),
            "pairs": len(set().union(*(pairs_of(line.levels) for line in self.lines))),
            "audited": sum(line.audit != "" for line in self.lines),
            "wrong": sum(not line.ok for line in self.lines),
            "worst": worst.worst,
            "worst_in": f"{worst.words}: {worst.path}",
            "seconds": sum(line.seconds for line in self.lines),
        }

    def __str__(self) -> str:
        sums = self.totals
        cells = [("network", "leaves", "worst / floor", "verdict")]
        for line in self.lines:
            verdict = ("PASS" if line.ok else f"WRONG at {line.path}") + (
                f", audit: {line.audit}" if line.audit else ""
            )
            cells.append((line.words, str(line.leaves), figure(line.worst), verdict))
        return "\n".join(
            [
                *_table(cells),
                f"{self.dtype}, seed {self.seed}: {sums['networks']} networks, {sums['audited']} "
                f"of them audited in full, {sums['leaves']:,} leaves, {sums['pairs']:,} of "
                f"{self.pairs:,} pairs of levels, {sums['wrong']} wrong, {sums['seconds']:.0f} s",
                f"largest |manual − automatic|: {figure(sums['worst'])} noise floors of its leaf"
                + (f", allowed are {figure(self.floors)}" if self.floors else ""),
            ]
        )

    def to_json(self, *, indent: int | None = 2) -> str:
        """All of it as JSON text."""
        return json_text({"ok": self.ok, "totals": self.totals, **asdict(self)}, indent)


@dataclass(frozen=True)
class RandomAudit:
    """A random network, whose gradient is right, and what the audit said of it."""

    seed: int
    words: str
    verdicts: dict[str, int]
    wrong: tuple[str, ...]
    """leaves, layers and checks that the audit objects to: each a false alarm"""
    error: str
    """what was raised, if anything was"""
    objective: str
    """as JSON, where something was wrong"""
    seconds: float

    @property
    def ok(self) -> bool:
        """No false alarm, nothing raised."""
        return not self.wrong and not self.error


@dataclass(frozen=True)
class RandomTable:
    """Audits of random right networks. `print` it for the false alarms and the totals."""

    lines: tuple[RandomAudit, ...]
    dtype: str

    @property
    def ok(self) -> bool:
        """Nothing right was called WRONG, and nothing was raised."""
        return all(line.ok for line in self.lines)

    @property
    def totals(self) -> dict[str, Any]:
        """Networks, leaves by verdict, false alarms, errors, seconds in all and at most."""
        verdicts = sum((Counter(line.verdicts) for line in self.lines), Counter[str]())
        seconds = [line.seconds for line in self.lines]
        return {
            "networks": len(self.lines),
            "leaves": verdicts.total(),
            "verdicts": dict(verdicts.most_common()),
            "false_alarms": sum(bool(line.wrong) for line in self.lines),
            "errors": sum(bool(line.error) for line in self.lines),
            "seconds": sum(seconds),
            "slowest": max(seconds),
        }

    def __str__(self) -> str:
        sums = self.totals
        cells = [("network", "seed", "seconds", "objection")]
        for line in self.lines:
            if not line.ok:
                words = line.error or ", ".join(line.wrong)
                cells.append((line.words, str(line.seed), f"{line.seconds:.1f}", words))
        counts = ", ".join(f"{count} {name}" for name, count in sums["verdicts"].items())
        total = (
            f"{sums['networks']} right networks in {self.dtype}, {sums['leaves']:,} leaves "
            f"({counts}): {sums['false_alarms']} false alarms, {sums['errors']} errors, "
            f"{sums['seconds']:.0f} s, {sums['slowest']:.1f} s at most"
        )
        return "\n".join([*(_table(cells) if len(cells) > 1 else ()), total])

    def to_json(self, *, indent: int | None = 2) -> str:
        """All of it as JSON text."""
        return json_text({"ok": self.ok, "totals": self.totals, **asdict(self)}, indent)


def _table(cells: Sequence[tuple[str, ...]]) -> list[str]:
    """A title, a rule, and a line a network; words too long lose their middle."""
    short = [tuple(shorten(cell, WORDS) for cell in row) for row in cells]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    lines = []
    for first, *figures, last in short:
        between = [cell.rjust(width) for cell, width in zip(figures, widths[1:-1], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *between, last]))
    rule = "─" * max(map(len, lines))
    return [lines[0], rule, *lines[1:], rule]
