"""One claim, right or with a planted fault, and the place that an audit ought to name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fnn.audit import Audit, Verdict


@dataclass(frozen=True)
class Case:
    """A claim of one kind; `place` is "" where it is right."""

    kind: str
    name: str
    run: Callable[[], Audit]
    place: str = ""
    """what the paths of all wrong rows, or the check of time steps, must hold"""

    def is_caught(self, audit: Audit) -> bool:
        """Whether the audit objects."""
        return bool(_wrong(audit))

    def is_placed(self, audit: Audit) -> bool:
        """Whether it names the right place and no other."""
        if self.kind == "time steps":
            return any(self.place in check.words for check in audit.checks)
        return bool(_wrong(audit)) and all(self.place in path for path in _wrong(audit))


def _wrong(audit: Audit) -> list[str]:
    return [row.path for row in audit.rows if row.verdict is Verdict.WRONG]
