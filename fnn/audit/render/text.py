"""An audit as text: the evidence as a table, what is wrong, and the conclusion in one line."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

from fnn.audit.records import PROVED, AuditRecord, Finding, HeaderValue, LeafRow, Verdict
from fnn.spec.errors import shorten

WIDTH = 120
GAP = "  "
WORDS = 2
"""columns of words, flush left; the others are figures"""
MEANINGS = {
    Verdict.WRONG: "the claimed gradient is not the derivative",
    Verdict.UNRESOLVED: "the noise is larger than what could be seen",
    Verdict.NONFINITE: "NaN or infinite",
}
"""of the verdicts that a row's note does not explain by itself"""


def text(audit: AuditRecord) -> str:
    """Header, table, every leaf that is not PASS, findings, checks, conclusion."""
    parts = [header(audit), table(audit), details(audit), findings(audit), checks(audit)]
    return "\n\n".join("\n".join(part) for part in [*parts, [conclusion(audit)]] if part)


def header(audit: AuditRecord) -> list[str]:
    """How the audit was made, and what the columns are."""
    entries = [f"{name} {_plain(name, value)}" for name, value in _items(audit.header)]
    claimed, against = names(audit)
    return [
        *_joined(entries),
        f"{claimed} is the gradient on trial"
        + ("" if against == claimed else ", automatic is JAX's own")
        + ", numerical comes from the function's values alone.",
        "No error of an element above the detection limit passes; the noise floor is what rounding "
        "alone does to it.",
    ]


def table(audit: AuditRecord) -> list[str]:
    """A line a leaf."""
    columns, rows = heading(audit), [cells(row) for row in audit.rows]
    widths = [max(map(len, (*title, *(row[i] for row in rows)))) for i, title in enumerate(columns)]
    widths[0] = min(widths[0], max(WIDTH - sum(widths[1:]) - len(GAP) * (len(widths) - 1), 16))
    titles = [tuple(title[line] for title in columns) for line in (0, 1)]
    lines = [_line(row, widths) for row in [*titles, *rows]]
    rule = "─" * max(map(len, lines))
    return [*lines[:2], rule, *lines[2:]]


def heading(audit: AuditRecord) -> list[tuple[str, str]]:
    """The columns' titles, of two lines each."""
    claimed, against = names(audit)
    return [
        ("", "path"),
        ("", "shape"),
        ("rms of", "param"),
        ("rms of", "gradient"),
        (f"{claimed} −", "automatic"),
        (f"{against} −", "numerical"),
        ("noise", "floor"),
        ("detection", "limit"),
        ("", "corners"),
        ("", "verdict"),
    ]


def cells(row: LeafRow) -> tuple[str, ...]:
    """The columns of one leaf."""
    figures = (row.rms, row.rms_gradient, row.difference, row.numerical, row.floor, row.limit)
    return (
        row.path,
        "×".join(map(str, row.shape)) or "scalar",
        *map(figure, figures),
        f"{row.corners}",
        f"{row.verdict}{f' ({_brief(row)})' if _brief(row) else ''}",
    )


def _brief(row: LeafRow) -> str:
    """The word before the colon in the note of a leaf that is right: `PASS (zero)`."""
    word, colon, _ = row.note.partition(":")
    return word if colon and row.verdict is Verdict.PASS else ""


def names(audit: AuditRecord) -> tuple[str, str]:
    """The names of the claimed gradient, and of the one that differences are compared with."""
    claimed = str(audit.header.get("claimed", "claimed"))
    known = any(row.difference is not None for row in audit.rows)
    return claimed, "automatic" if known else claimed


def details(audit: AuditRecord) -> list[str]:
    """What there is to say about a leaf: why it is not PASS, and its worst element."""
    claimed, _ = names(audit)
    lines = []
    for row in audit.rows:
        parts = [MEANINGS.get(row.verdict, ""), "" if _brief(row) else row.note]
        words = "; ".join(filter(None, parts))
        if words or row.verdict is not Verdict.PASS:
            lines += _wrapped(f"{row.verdict}  {row.path}: {words}".removesuffix(": "), "    ", "")
        lines += [] if row.worst is None else [f"    {worst(row, claimed)}"]
    return lines


def worst(row: LeafRow, claimed: str = "claimed") -> str:
    """The element that is furthest off, with enough digits to see by how much."""
    item = row.worst
    assert item is not None
    digits = _digits(item.claimed, item.automatic, item.numerical)
    values = [f"{claimed} {item.claimed:.{digits}g}"]
    if item.automatic is not None:
        values.append(f"automatic {item.automatic:.{digits}g}")
    if not math.isnan(item.numerical):
        values.append(f"numerical {item.numerical:.{digits}g} ± {figure(item.resolution)}")
    location = f"worst at [{', '.join(map(str, item.index))}]: " if item.index else ""
    return location + ", ".join(values)


def findings(audit: AuditRecord) -> list[str]:
    """The faulty layers, losses and penalties, a paragraph each."""
    return [line for item in audit.findings for line in _wrapped(_finding(item), "    ", "")]


def _finding(item: Finding) -> str:
    words = f"{item.words} " if item.words else ""
    location = f"{item.path} ({item.kind}), {item.leaf}"
    return f"at fault: {location}: {words}(relative error {figure(item.error)})"


def checks(audit: AuditRecord) -> list[str]:
    """What else was checked, a line each."""
    state = {True: "holds", False: "FAILED", None: "not asked"}
    lines = [(check.name, state[check.ok], check.words) for check in audit.checks]
    return [f"check: {name}: {ok}{f' ({words})' if words else ''}" for name, ok, words in lines]


def conclusion(audit: AuditRecord) -> str:
    """One line, such as `5 leaves proved, 1 WRONG`."""
    proved = [row for row in audit.rows if row.verdict in PROVED]
    others = Counter(row.verdict for row in audit.rows if row.verdict not in PROVED)
    every = "all " if not others and len(proved) > 2 else ""
    counts = [f"{every}{len(proved)} {'leaf' if len(proved) == 1 else 'leaves'} proved"]
    special = Counter(row.verdict for row in proved if row.verdict is not Verdict.PASS)
    if special:
        counts[0] += f" ({', '.join(f'{count} {verdict}' for verdict, count in special.items())})"
    counts += [f"{count} {verdict}" for verdict, count in others.items()]
    failed = sum(check.ok is False for check in audit.checks)
    counts += [f"{failed} {'check' if failed == 1 else 'checks'} FAILED"] if failed else []
    return ", ".join(counts)


def figure(value: float | None) -> str:
    """Three significant digits: 0, 0.0512, 12.3, 1.23e-09; – for None."""
    if value is None:
        return "–"
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:#.3g}".rstrip(".") if 1e-3 <= abs(value) < 999.5 else f"{value:.2e}"


def _digits(claimed: float, *others: float | None) -> int:
    """So many that three of those in which a number differs from the furthest other are seen."""
    apart = [abs(claimed - other) for other in others if other is not None]
    most = max(filter(math.isfinite, apart), default=0.0)
    if most == 0 or claimed == 0:
        return 3
    return min(max(3, 3 + math.ceil(math.log10(abs(claimed) / most))), 17)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    row = (shorten(row[0], widths[0]), *row[1:])
    last = len(row) - 1
    padded = [
        cell.ljust(width) if index < WORDS or index == last else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return GAP.join(padded).rstrip()


def _items(header: Mapping[str, HeaderValue]) -> Iterator[tuple[str, HeaderValue]]:
    """Entries of the header, those of dictionaries inside it (versions) in their place."""
    for name, value in header.items():
        if isinstance(value, Mapping):
            yield from value.items()
        elif name != "claimed" and value not in (None, ""):
            yield name.replace("_", " "), value


def _plain(name: str, value: HeaderValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return figure(value)
    return f"{value:,}" if isinstance(value, int) and name != "seed" else str(value)


def _joined(parts: list[str]) -> list[str]:
    """Parts with commas between them, in lines that break only there."""
    kept = ", ".join(part.replace(" ", "\0") for part in parts)
    return [line.replace("\0", " ") for line in textwrap.wrap(kept, WIDTH, break_long_words=False)]


def _wrapped(words: str, indent: str, first: str | None = None) -> list[str]:
    start = indent if first is None else first
    return textwrap.wrap(words, WIDTH, initial_indent=start, subsequent_indent=indent)
