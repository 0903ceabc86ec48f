"""What an audit found: a verdict a leaf, the layer at fault, and what else was checked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from fnn.audit.differences.finite_differences import Ladder
from fnn.files import json_text


class Verdict(StrEnum):
    """What holds for one leaf."""

    PASS = "PASS"
    WRONG = "WRONG"
    UNRESOLVED = "UNRESOLVED"
    """the noise of the differences is larger than what could be seen"""
    KINK = "KINK"
    """differs only where the function has a corner, and the claimed value is a valid one"""
    DEAD = "DEAD"
    """identically zero, because nothing flows"""
    NONFINITE = "NONFINITE"
    NONDETERMINISTIC = "NONDETERMINISTIC"


PROVED = {Verdict.PASS, Verdict.KINK, Verdict.DEAD}


@dataclass(frozen=True)
class Worst:
    """The element that is furthest off."""

    index: tuple[int, ...]
    claimed: float
    automatic: float | None
    numerical: float
    resolution: float
    """how far off `numerical` may be itself"""


@dataclass(frozen=True)
class LeafRow:
    """One leaf. All but `rms` is in units of the gradient's elements."""

    path: str
    shape: tuple[int, ...]
    rms: float
    """of the leaf itself"""
    rms_gradient: float
    """of the claimed gradient"""
    difference: float | None
    """the largest |claimed − automatic|; None where there is no automatic gradient"""
    numerical: float
    """the largest |automatic (or claimed) − numerical| along a direction, for an element"""
    resolution: float
    """how far off the differences may be themselves, along that direction"""
    floor: float
    """what rounding alone does to an element"""
    limit: float
    """the detection limit: no error of an element above it passes"""
    corners: int
    """directions along which the function has a corner at this very point"""
    verdict: Verdict
    note: str = ""
    worst: Worst | None = None
    ladder: Ladder | None = field(default=None, repr=False)
    error: np.ndarray | None = field(default=None, repr=False)
    """claimed − automatic (numerical, where there is no automatic gradient), element by element"""


@dataclass(frozen=True)
class Finding:
    """A layer, loss or penalty whose own backward is wrong."""

    path: str
    """in the objective: `net.layers[2]`, `loss`, `penalties[0]`"""
    kind: str
    leaf: str
    """what it got wrong: `weight`, `input`, …"""
    error: float
    """the largest error over the largest right element"""
    words: str
    """what kind of mistake this looks like"""


@dataclass(frozen=True)
class Check:
    """Something else that must hold; `ok` is None where it could not be asked."""

    name: str
    ok: bool | None
    words: str


@dataclass(frozen=True)
class Audit:
    """The evidence, leaf by leaf. `print` it for the table; `ok` says whether all is proved."""

    header: dict[str, Any]
    rows: tuple[LeafRow, ...]
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Every leaf PASS, KINK or DEAD, and every check that could be asked holds."""
        held = all(check.ok is not False for check in self.checks)
        return held and all(row.verdict in PROVED for row in self.rows)

    def __str__(self) -> str:
        from fnn.audit.render.text import text

        return text(self)

    def _repr_html_(self) -> str:
        from fnn.audit.render.html import html

        return html(self)

    def to_json(self, *, indent: int | None = 2) -> str:
        """All of it as JSON text but the errors element by element; NaN is written "NaN"."""
        return json_text(
            {
                "ok": self.ok,
                "header": self.header,
                "rows": [_plain(row, "error") for row in self.rows],
                "findings": [_plain(finding) for finding in self.findings],
                "checks": [_plain(check) for check in self.checks],
            },
            indent,
        )

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write a PNG: error over step size for each leaf, and where in the worst leaf it is.

        Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
        not installed.
        """
        from fnn.audit.render.text import conclusion
        from fnn.figures.audit import gradient_audit

        gradient_audit(self.rows, path, title=conclusion(self))


def _plain(part: Any, *left_out: str) -> Any:
    """A dataclass as a dictionary, those inside it too."""
    if not is_dataclass(part):
        return part
    names = [entry.name for entry in fields(part) if entry.name not in left_out]
    return {name: _plain(getattr(part, name)) for name in names}
