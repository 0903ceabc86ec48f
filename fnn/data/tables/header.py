"""Whether the first line of a text file, taken for a header, is data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fnn.data.errors import DataError
from fnn.data.tables.csv_reader import TextColumns, is_number

SAMPLE = 50
"""rows that tell whether a column holds numbers"""
NUMBERED = 5
"""as many ascending or descending numbers are names, such as wavelengths; evenly spaced whole ones
from three on, such as years"""
HINT = "is the first line data, and not a header? Then say --no-header (header=False)"


def check_header(text: TextColumns, target: str) -> None:
    """Raise `DataError` where the names of a file's columns look like its first row.

    Names of numbers over columns of numbers do, unless they are evenly spaced whole numbers or
    ascend; in files of words alone, names that most columns also hold as a value. A word over a
    column of numbers is a name, and so is a `target` that its column does not hold.
    """
    fields = dict(zip(text.names, text.fields, strict=True))
    if not is_number(target) and target not in fields[target]:
        return
    if looks_like_data(text):
        quoted = ", ".join(repr(name) for name in text.names[:5])
        more = ", …" if len(text.names) > 5 else ""
        raise DataError(
            f"the columns would be called {quoted}{more}: {HINT}; if they are names, write some "
            "that are not values of their columns",
            str(text.path),
        )


def looks_like_data(text: TextColumns) -> bool:
    """Whether the names of the columns look like values of theirs."""
    columns = [
        (name, fields)
        for name, fields in zip(text.names, text.fields, strict=True)
        if name  # a column without a name says nothing
    ]
    numeric = [name for name, fields in columns if _holds_numbers(fields)]
    numbers = [float(name) for name in numeric if is_number(name)]
    if len(numbers) < len(numeric):
        return False
    if numbers and not _are_names(numbers):
        return True
    words = [(name, fields) for name, fields in columns if not _holds_numbers(fields)]
    return 2 * sum(name in set(map(str.strip, fields)) for name, fields in words) > len(words)


def is_bare(names: Sequence[str]) -> bool:
    """Whether a header has numbers in more than a quarter of its fields, as data has."""
    return 4 * sum(map(is_number, names)) > len(names)


def _holds_numbers(fields: Sequence[str]) -> bool:
    sample = [field for field in map(str.strip, fields[:SAMPLE]) if field]
    return 2 * sum(map(is_number, sample)) > len(sample)


def _are_names(numbers: Sequence[float]) -> bool:
    steps = {after - before for before, after in pairwise(numbers)}
    even = len(steps) == 1 and 0 not in steps and all(map(float.is_integer, numbers))
    ordered = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    return (even and len(numbers) > 2) or (ordered and len(numbers) >= NUMBERED)
