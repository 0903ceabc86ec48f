"""An audit as HTML, for notebooks."""

from __future__ import annotations

from html import escape

from fnn.audit.records import AuditRecord, LeafRow, Verdict
from fnn.audit.render import text
from fnn.spec.errors import shorten

COLORS = {
    Verdict.PASS: "#00704f",
    Verdict.WRONG: "#b3361b",
    Verdict.UNRESOLVED: "#8a5a00",
    Verdict.KINK: "#0064a0",
    Verdict.DEAD: "#5f6368",
    Verdict.NONFINITE: "#8f2d6b",
    Verdict.NONDETERMINISTIC: "#8f2d6b",
}
"""behind white words, so that they read alike on a light page and a dark one"""
CELL = "padding:2px 10px;border:0;white-space:nowrap"
PLAIN = "background:transparent;color:inherit;font-family:monospace;font-size:12px;"


def html(audit: AuditRecord) -> str:
    """The parts of `text.text`, the verdicts in color; every word is escaped."""
    below = [text.details(audit), text.findings(audit), text.checks(audit)]
    return "".join(
        [
            '<div style="max-width:100%;overflow-x:auto">',
            _block(text.header(audit)),
            _table(audit),
            *(_block(part) for part in below if part),
            f"<p><strong>{escape(text.conclusion(audit))}</strong></p></div>",
        ]
    )


def _block(lines: list[str]) -> str:
    words = escape("\n".join(lines))
    return f'<pre style="{PLAIN}border:0;padding:4px 0;margin:4px 0">{words}</pre>'


def _table(audit: AuditRecord) -> str:
    titles = [f"{above} {below}".strip() for above, below in text.heading(audit)]
    last = len(titles) - 1
    head = "".join(
        f'<th style="{CELL};white-space:normal;text-align:{_side(column, last)}">{escape(title)}'
        "</th>"
        for column, title in enumerate(titles)
    )
    body = "".join(f"<tr>{_row(row)}</tr>" for row in audit.rows)
    return (
        f'<table style="{PLAIN}border-collapse:collapse;margin:4px 0"><thead>'
        f'<tr style="border-bottom:1px solid #8888">{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _row(row: LeafRow) -> str:
    *cells, verdict = text.cells(row)
    badge = (
        f'<span style="background:{COLORS[row.verdict]};color:#fff;border-radius:3px;'
        f'padding:1px 6px">{escape(verdict)}</span>'
    )
    columns = [escape(shorten(cells[0], 60)), *map(escape, cells[1:]), badge]
    return "".join(
        f'<td style="{CELL};text-align:{_side(column, len(cells))}">{cell}</td>'
        for column, cell in enumerate(columns)
    )


def _side(column: int, last: int) -> str:
    return "left" if column < text.WORDS or column == last else "right"
