"""Text files of columns (CSV): lines to fields, every error with its line.

The standard library's parser gives each record with its line, so that rows with too few or too
many fields are reported where they are; pandas pads short rows silently.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fnn.data.errors import DataError
from fnn.data.sources.whole_files import expanded, is_gzip, read_whole

MISSING = (
    *("", "?", "-", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""what pandas reads as missing, a question mark, and a dash where the other fields are numbers"""
SUFFIXES = (".csv", ".tsv", ".txt")
DELIMITER_ALIASES = {"tab": "\t", "\\t": "\t", "space": " "}
DELIMITER_NAMES = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", " ": "space"}


class TextFormat(NamedTuple):
    """The format of a text file of columns, to read the next file in the same way."""

    delimiter: str = ","
    header: bool = True
    missing: tuple[str, ...] = MISSING
    columns: tuple[str, ...] = ()
    """all columns of the file in their order, the target too"""


class TextColumns(NamedTuple):
    """The fields of a text file by column, as strings, and the line of each row."""

    path: Path
    names: tuple[str, ...]
    fields: list[tuple[str, ...]]
    lines: list[int]


def is_text_file(path: Path) -> bool:
    """Whether a file's name is that of a text file of columns, perhaps compressed."""
    return Path(path.name.lower().removesuffix(".gz")).suffix in SUFFIXES


def is_tab_separated(path: Path) -> bool:
    """Whether a file's name says that tabs separate its fields."""
    return ".tsv" in path.name.lower()


def delimiter_of(path: Path, delimiter: str | None) -> str:
    """The given delimiter, else a tab for .tsv and a comma for all others.

    Raises `DataError` for anything but one character that can separate fields.
    """
    if delimiter is None:
        return "\t" if is_tab_separated(path) else ","
    delimiter = DELIMITER_ALIASES.get(delimiter, delimiter)
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataError(f"expected one character (or tab), got {delimiter!r}", "delimiter")
    return delimiter


def read_text(path: Path, delimiter: str, *, header: bool | None) -> TextColumns:
    """All fields of a file in UTF-8 (with or without a byte-order mark), plain or gzip.

    With `header` None the first line is one unless all its fields are numbers. Without a header
    columns are called column_1, column_2, … Blank lines don't count. Errors name the file and line:
    unreadable, not UTF-8, empty, bad quotes, rows of another width, one column only, names that
    repeat.
    """
    content = _read_content(path)
    rows, lines = _records(path, content, delimiter)
    if not rows:
        raise DataError("the file is empty", str(path))
    width = len(rows[0])
    _check_widths(path, rows, lines, delimiter, content)
    if header is None:
        header = not all(map(is_number, rows[0]))
    names = tuple(f"column_{number + 1}" for number in range(width))
    if header:
        names = _names(path, rows.pop(0))
        del lines[0]
    if not rows:
        raise DataError("a header and no rows below it", str(path))
    return TextColumns(path, names, list(zip(*rows, strict=True)), lines)


def is_number(text: str) -> bool:
    """Whether a field is a number as Python's float() reads it, in ASCII and without underscores.

    1e-3, -5, .5, inf, Infinity and nan are; 1_000 and digits of other scripts are not.
    """
    return _is_float(text) and text.isascii() and "_" not in text


def has_other_digits(text: str) -> bool:
    """Whether a field is a number written with digits of another script, such as １２."""
    return _is_float(text) and not text.isascii()


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_content(path: Path) -> str:
    location = str(path)
    raw = read_whole(path)
    if is_gzip(raw):
        raw = expanded(raw, path)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError("expected UTF-8, got UTF-16: save it as UTF-8", location)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"line {line}: expected UTF-8, got the byte 0x{raw[error.start]:02x}; save it as UTF-8",
            location,
        ) from None


def _records(path: Path, content: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The fields of each row that is not blank, and the line on which it ends."""
    rows, lines = [], []
    reader = csv.reader(
        io.StringIO(content, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        first = content.lstrip().partition("\n")[0]
        hint = "" if delimiter in first else _delimiter_hint(content, delimiter)
        line, message = reader.line_num, str(error)
        if "unexpected end" in message:
            line = lines[-1] + 1 if lines else 1
            message = 'a quote (") is opened in this row and never closed'
        raise DataError(f"line {line}: {message}{hint}", str(path)) from None
    return rows, lines


def _check_widths(
    path: Path, rows: list[list[str]], lines: list[int], delimiter: str, content: str
) -> None:
    width = len(rows[0])
    wrong = [(line, len(row)) for line, row in zip(lines, rows, strict=True) if len(row) != width]
    if wrong:
        line, count = wrong[0]
        others = f" ({len(wrong)} such rows in all)" if len(wrong) > 1 else ""
        if _is_title(rows):
            raise DataError(
                f"line {lines[0]}: expected {len(rows[-1])} fields as in the lines below, got "
                f"{width}; if it is a comment or a title, and not the header, take it out",
                str(path),
            )
        raise DataError(
            f"line {line}: expected {width} fields as in the first line, got {count}{others}"
            + (_delimiter_hint(content, delimiter) if width == 1 else ""),
            str(path),
        )
    if width == 1 and (hint := _delimiter_hint(content, delimiter)):
        raise DataError(f"found one column only{hint}", str(path))


def _is_title(rows: list[list[str]]) -> bool:
    """Whether the file begins with comments, or with a line narrower than all others."""
    first = rows[0]
    below = [row for row in rows if not _is_comment(row)] if _is_comment(first) else rows[1:]
    widths = {len(row) for row in below}
    if len(widths) != 1 or len(first) in widths:
        return False
    return _is_comment(first) or (len(first) < widths.pop() and len(rows) > 2)


def _is_comment(row: list[str]) -> bool:
    return row[0].lstrip().startswith("#")


def _delimiter_hint(content: str, delimiter: str) -> str:
    """The end of an error: the delimiter that the first line seems to have, if it is another.

    A comment, with which the file may begin, tells nothing of it, nor do the blanks of a sentence.
    """
    lines = content.lstrip().splitlines()
    first = lines[0]
    if first.startswith("#"):
        return "; if the first line is a comment, take it out"
    counts = {mark: first.count(mark) for mark in DELIMITER_NAMES if mark != delimiter}
    mark = max(counts, key=lambda mark: (counts[mark], mark != " "))
    if not counts[mark] or (mark == " " and any(" " not in line for line in lines[1:9] if line)):
        return ""
    return (
        f"; fields are separated by {DELIMITER_NAMES.get(delimiter, repr(delimiter))}, "
        f"but the first line has {counts[mark]} {DELIMITER_NAMES[mark]}: is that the delimiter?"
    )


def _names(path: Path, row: Sequence[str]) -> tuple[str, ...]:
    """The header's names, which must differ; one that is empty stays so."""
    names = tuple(name.strip() for name in row)
    duplicates = [name for name, count in Counter(names).items() if count > 1]
    if duplicates:
        hint = "; is the first line data, and not a header?" if all(map(is_number, names)) else ""
        quoted = ", ".join(repr(name) for name in duplicates)
        raise DataError(f"expected column names that differ, got {quoted} twice{hint}", str(path))
    return names
