"""What a column of text holds: numbers or categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import numpy as np

from fnn.data.errors import DataError
from fnn.data.tables.csv_reader import MISSING, has_other_digits, is_number
from fnn.data.tables.notation import are_many_valued, is_notation, is_quantity

Kind = Literal["numbers", "categories"]
NUMBER_SHARE = 0.9
"""from this share of numbers on a column holds numbers, and other words in it are errors"""
PLACEHOLDERS = 2
"""as many different words, at most, stand for missing values among numbers of many values"""
DASH = "-"
"""of the usual words for a missing value the one that is also a category"""


def parse_column(
    fields: Sequence[str],
    missing: Collection[str],
    kind: Kind | None,
    location: str,
    line: Callable[[int], int],
) -> np.ndarray:
    """A column as float64 (NaN = missing) or as an object array of str (None = missing).

    Spaces around fields don't count. Missing are empty fields, those in `missing`, and where a word
    of it is a number, the same number in another notation (-999.0 for -999). A dash among the usual
    words of `missing` is missing among numbers, and a category among categories. With `kind` None
    the column is numbers where every field that is not missing is one, categories otherwise.
    Errors: a word in a column whose other fields are numbers (`kind` says so, or what
    `_holds_numbers` says), with the line that `line` gives for its row.
    """
    missing_words = {"", *missing}
    missing_numbers = {
        float(word) for word in missing_words if is_number(word) and float(word) == float(word)
    }
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
        if words and (kind == "numbers" or _holds_numbers(fields, present, words)):
            raise DataError(_wrong_word(fields, words, line), location)
        if not words:
            values = {field: float(text) for field, text in present.items()}
            return np.array([values.get(field, np.nan) for field in fields], np.float64)
    if missing == MISSING:
        present |= {field: text for field, text in stripped.items() if text == DASH}
    column = np.empty(len(fields), object)
    column[:] = [present.get(field) for field in fields]
    return column


def _holds_numbers(fields: Sequence[str], present: dict[str, str], words: Sequence[str]) -> bool:
    """Whether a column with these words holds numbers all the same.

    It does where more than 90 % of its fields are numbers, or all but one of five or more, or all
    but the first. And it does where its numbers take many values, if more than half of its fields
    are numbers in any notation, or the words are one or two. Many values are fractions, or more
    than 20.
    """
    counts = Counter(fields)
    total = sum(counts[field] for field in present)
    wrong = sum(counts[word] for word in words)
    first_alone = wrong == 1 and words[0] == fields[0] and total > 2
    if wrong < (1 - NUMBER_SHARE) * total or (wrong == 1 and total > 4) or first_alone:
        return True
    if not are_many_valued([text for text in present.values() if is_number(text)]):
        return False
    unread = {word for word in words if is_notation(present[word]) or is_quantity(present[word])}
    numeric = total - wrong + sum(counts[word] for word in unread)
    return len(set(words) - unread) <= PLACEHOLDERS or 2 * numeric > total


def check_notation(
    values: np.ndarray,
    location: str,
    where: Callable[[int], str],
    declare: str = "name it in `categorical`",
) -> None:
    """Categories must not be numbers in a notation that is not read.

    Errors, with the first such row: more than 90 % of those that are not missing are numbers with a
    decimal comma, digits in groups, a sign of percent or currency, another minus (`is_notation`),
    or with a unit or a bound where they take many values (`is_quantity`); or are plain numbers
    beside such.
    """
    counts = Counter(value for value in values if value is not None)
    formatted = {value for value in counts if is_notation(value) or has_other_digits(value)}
    units = {value for value in counts if is_quantity(value)}
    if units and are_many_valued([*units, *filter(is_number, counts)]):
        formatted |= units
    numeric_count = sum(counts[value] for value in counts if value in formatted or is_number(value))
    if formatted and numeric_count > NUMBER_SHARE * counts.total():
        row = next(row for row, value in enumerate(values) if value in formatted)
        raise DataError(
            f"{where(row)}: {values[row]!r} looks like a number with a decimal comma, separated "
            "thousands, a percent sign, a currency, a unit, another minus or digits of another "
            "script: write numbers with a decimal point and digits alone; if the column holds "
            f"categories, {declare}",
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


def _wrong_word(fields: Sequence[str], words: list[str], line: Callable[[int], int]) -> str:
    """The message about the first word, with what it may be."""
    row, count = fields.index(words[0]), sum(map(Counter(fields).__getitem__, words))
    others = f" ({count} such fields in all)" if count > 1 else ""
    word = words[0].strip()
    message = f"line {line(row)}: expected a number as in the other rows, got {word!r}{others}; "
    if row == 0:
        message += "if the row holds units or a second header, take it out; "
    elif is_notation(word) or is_quantity(word):
        message += "write numbers with a decimal point and digits alone; "
    return message + (
        "if it stands for a missing value, add it to `missing`; "
        "if the column holds categories, name it in `categorical`"
    )
