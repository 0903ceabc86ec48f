"""What an audit holds: verdicts, a row for each leaf, findings, checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fnn.audit.diagnosis import Diagnosis
from fnn.audit.differences.finite_differences import Ladder

HeaderValue = str | int | float | Mapping[str, str] | None


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
    error: NDArray[np.floating] | None = field(default=None, repr=False)
    """claimed − automatic (numerical, where there is no automatic gradient), element by element"""
    diagnosis: Diagnosis | None = None
    """of a function's wrong leaf; `note` has it as text"""
    automatic_is_off: bool = False
    """whether differences contradict the automatic gradient too"""


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
    diagnosis: Diagnosis | None = None
    """… as a value"""


@dataclass(frozen=True)
class Check:
    """A property beside the leaves; `ok` is None where it does not apply."""

    name: str
    ok: bool | None
    words: str


@dataclass(frozen=True)
class AuditRecord:
    """The evidence, leaf by leaf; `ok` says whether all is proved."""

    header: Mapping[str, HeaderValue]
    rows: tuple[LeafRow, ...]
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Every leaf PASS, KINK or DEAD, and no check that applies FAILED."""
        passed = all(check.ok is not False for check in self.checks)
        return passed and all(row.verdict in PROVED for row in self.rows)
