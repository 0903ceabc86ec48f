"""What a column of text holds: numbers or categories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import numpy as np

from fnn.data.errors import DataError
from fnn.data.tables.csv_reader import is_number

Kind = Literal["numbers", "categories"]
MOSTLY = 0.9
"""the share of numbers from which on a column is one of numbers, and other words are faults"""
NOTATION = re.compile(
    r"[-+]?(\d*,\d+|\d{1,3}(,\d{3})+(\.\d+)?|\d{1,3}(\.\d{3})+,\d+|(\d+([.,]\d*)?|[.,]\d+) ?%)"
)
"""numbers that float() does not read: 3,5 or 1,234.5 or 1.234,5 or 5 %"""


def typed(
    fields: Sequence[str],
    missing: Collection[str],
    kind: Kind | None,
    place: str,
    line: Callable[[int], int],
) -> np.ndarray:
    """A column as float64 (NaN = missing) or as an object array of str (None = missing).

    Spaces around fields don't count. Missing are empty fields, those in `missing`, and where a word
    of it is a number, the same number written otherwise (-999.0 for -999). With `kind` None the
    column is numbers where every field that is not missing is one, categories otherwise. Errors: a
    word in a column whose other fields are numbers (more than 90 % of them, or `kind` says so),
    with the line that `line` gives for its row.
    """
    gone = {"", *missing}
    gone_numbers = {float(word) for word in gone - {"NaN", "nan"} if is_number(word)}
    if kind != "categories" and not gone_numbers and (numbers := _all_numbers(fields)) is not None:
        return numbers
    counts = Counter(fields)
    known = {field: field.strip() for field in counts}
    present = {
        field: text
        for field, text in known.items()
        if text not in gone and not (is_number(text) and float(text) in gone_numbers)
    }
    if kind != "categories":
        words = [field for field, text in present.items() if not is_number(text)]
        total = sum(counts[field] for field in present)
        wrong = sum(counts[word] for word in words)
        if words and (kind == "numbers" or wrong < (1 - MOSTLY) * total):
            raise DataError(_word(fields, words, wrong, line), place)
        if not words:
            values = {field: float(text) for field, text in present.items()}
            return np.array([values.get(field, np.nan) for field in fields], np.float64)
    column = np.empty(len(fields), object)
    column[:] = [present.get(field) for field in fields]
    return column


def check_notation(values: np.ndarray, place: str, where: Callable[[int], str]) -> None:
    """Categories must not be numbers with a decimal comma, between thousands, or with a %.

    Errors: more than 90 % of those that are not missing are, or are plain numbers beside such.
    """
    counts = Counter(value for value in values if value is not None)
    odd = {value for value in counts if NOTATION.fullmatch(value)}
    alike = sum(counts[value] for value in counts if value in odd or is_number(value))
    if odd and alike > MOSTLY * counts.total():
        row = next(row for row, value in enumerate(values) if value in odd)
        raise DataError(
            f"{where(row)}: {values[row]!r} looks like a number with a decimal comma, separated "
            "thousands or a percent sign: write numbers with a decimal point and digits alone; "
            "if the column holds categories, name it in `categorical`",
            place,
        )


def _all_numbers(fields: Sequence[str]) -> np.ndarray | None:
    """The quick way: each field is a number as it stands."""
    try:
        numbers = np.fromiter(map(float, fields), np.float64, len(fields))
    except ValueError:
        return None
    return None if "_" in "".join(fields) else numbers


def _word(fields: Sequence[str], words: list[str], wrong: int, line: Callable[[int], int]) -> str:
    row = fields.index(words[0])
    others = f" ({wrong} such fields in all)" if wrong > 1 else ""
    return (
        f"line {line(row)}: expected a number as in the other rows, got {words[0].strip()!r}"
        f"{others}; if it stands for a missing value, add it to `missing`; "
        "if the column holds categories, name it in `categorical`"
    )
