"""The result of an audit: printable, in notebooks too, as JSON and as a figure."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, is_dataclass

from fnn.audit.records import AuditRecord
from fnn.audit.render.html import html
from fnn.audit.render.text import conclusion, text
from fnn.files import json_text


@dataclass(frozen=True)
class Audit(AuditRecord):
    """The evidence, leaf by leaf. `print` it for the table; `ok` says whether all is proved."""

    def __str__(self) -> str:
        return text(self)

    def _repr_html_(self) -> str:
        return html(self)

    def to_json(self, *, indent: int | None = 2) -> str:
        """All of it as JSON text but the errors element by element; NaN is written "NaN"."""
        return json_text(
            {
                "ok": self.ok,
                "header": self.header,
                "rows": [_as_dict(row, "error") for row in self.rows],
                "findings": [_as_dict(finding) for finding in self.findings],
                "checks": [_as_dict(check) for check in self.checks],
            },
            indent,
        )

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write a PNG: error over step size for each leaf, and where in the worst leaf it is.

        Raises `FnnError` with the path and the reason where that can't be, and where matplotlib is
        not installed.
        """
        from fnn.figures.audit import gradient_audit

        gradient_audit(self.rows, path, title=conclusion(self))


def _as_dict(part: object, *left_out: str) -> object:
    """A dataclass as a dictionary, those inside it too."""
    if not is_dataclass(part):
        return part
    names = [entry.name for entry in fields(part) if entry.name not in left_out]
    return {name: _as_dict(getattr(part, name)) for name in names}
