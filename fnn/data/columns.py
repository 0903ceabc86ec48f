"""What a column of text holds: numbers or categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import numpy as np

from fnn.data.errors import DataError
from fnn.data.text import is_number

Kind = Literal["numbers", "categories"]
MOSTLY = 0.9
"""the share of numbers from which on a column is one of numbers, and other words are faults"""


def typed(
    fields: Sequence[str],
    missing: Collection[str],
    kind: Kind | None,
    place: str,
    line: Callable[[int], int],
) -> np.ndarray:
    """A column as float64 (NaN = missing) or as an object array of str (None = missing).

    Spaces around fields don't count. With `kind` None it is numbers where every field that is not
    missing is one, categories otherwise. Errors: a word in a column whose other fields are numbers
    (more than 90 % of them, or `kind` says so), with the line that `line` gives for its row.
    """
    plain = kind != "categories" and not any(map(is_number, {*missing} - {"NaN", "nan"}))
    if plain and (numbers := _all_numbers(fields)) is not None:
        return numbers
    counts = Counter(fields)
    known = {field: field.strip() for field in counts}
    present = {field: text for field, text in known.items() if text not in missing}
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
