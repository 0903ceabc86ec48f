"""What a column of text holds: numbers or categories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import numpy as np

from fnn.data.errors import DataError
from fnn.data.tables.csv_reader import has_other_digits, is_number

Kind = Literal["numbers", "categories"]
NUMBER_SHARE = 0.9
"""from this share of numbers on a column holds numbers, and other words in it are errors"""
NOTATION = re.compile(
    r"[-+]?(\d*,\d+|\d{1,3}(,\d{3})+(\.\d+)?|\d{1,3}(\.\d{3})+,\d+|(\d+([.,]\d*)?|[.,]\d+) ?%)"
)
"""numbers that float() does not read: 3,5 or 1,234.5 or 1.234,5 or 5 %"""


def parse_column(
    fields: Sequence[str],
    missing: Collection[str],
    kind: Kind | None,
    location: str,
    line: Callable[[int], int],
) -> np.ndarray:
    """A column as float64 (NaN = missing) or as an object array of str (None = missing).

    Spaces around fields don't count. Missing are empty fields, those in `missing`, and where a word
    of it is a number, the same number in another notation (-999.0 for -999). With `kind` None the
    column is numbers where every field that is not missing is one, categories otherwise. Errors: a
    word in a column whose other fields are numbers (more than 90 % of them, or `kind` says so),
    with the line that `line` gives for its row.
    """
    missing_words = {"", *missing}
    missing_numbers = {float(word) for word in missing_words - {"NaN", "nan"} if is_number(word)}
    fast = kind != "categories" and not missing_numbers
    if fast and (numbers := _all_numbers(fields)) is not None:
        return numbers
    counts = Counter(fields)
    stripped = {field: field.strip() for field in counts}
    present = {
        field: text
        for field, text in stripped.items()
        if text not in missing_words and not (is_number(text) and float(text) in missing_numbers)
    }
    if kind != "categories":
        words = [field for field, text in present.items() if not is_number(text)]
        total = sum(counts[field] for field in present)
        wrong_count = sum(counts[word] for word in words)
        if words and (kind == "numbers" or wrong_count < (1 - NUMBER_SHARE) * total):
            raise DataError(_wrong_word(fields, words, wrong_count, line), location)
        if not words:
            values = {field: float(text) for field, text in present.items()}
            return np.array([values.get(field, np.nan) for field in fields], np.float64)
    column = np.empty(len(fields), object)
    column[:] = [present.get(field) for field in fields]
    return column


def check_notation(values: np.ndarray, location: str, where: Callable[[int], str]) -> None:
    """Categories must not be numbers with a decimal comma, between thousands, a %, or other digits.

    Errors: more than 90 % of those that are not missing are, or are plain numbers beside such.
    """
    counts = Counter(value for value in values if value is not None)
    formatted = {v for v in counts if NOTATION.fullmatch(v) or has_other_digits(v)}
    numeric_count = sum(counts[value] for value in counts if value in formatted or is_number(value))
    if formatted and numeric_count > NUMBER_SHARE * counts.total():
        row = next(row for row, value in enumerate(values) if value in formatted)
        raise DataError(
            f"{where(row)}: {values[row]!r} looks like a number with a decimal comma, separated "
            "thousands, a percent sign or digits of another script: write numbers with a decimal "
            "point and digits alone; if the column holds categories, name it in `categorical`",
            location,
        )


def _all_numbers(fields: Sequence[str]) -> np.ndarray | None:
    """The fast path, for columns in which every field is a number; None for others."""
    try:
        numbers = np.fromiter(map(float, fields), np.float64, len(fields))
    except ValueError:
        return None
    text = "".join(fields)
    return numbers if text.isascii() and "_" not in text else None


def _wrong_word(
    fields: Sequence[str], words: list[str], wrong_count: int, line: Callable[[int], int]
) -> str:
    row = fields.index(words[0])
    others = f" ({wrong_count} such fields in all)" if wrong_count > 1 else ""
    return (
        f"line {line(row)}: expected a number as in the other rows, got {words[0].strip()!r}"
        f"{others}; if it stands for a missing value, add it to `missing`; "
        "if the column holds categories, name it in `categorical`"
    )
