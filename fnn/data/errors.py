"""Errors about data, and how they list names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from fnn.spec import FnnError

MAX_LISTED = 30
"""the most names that an error lists"""


class DataError(FnnError):
    """Data is missing, damaged, or not what its use asks for."""


def one_of(name: str, known: Iterable[str]) -> str:
    """The tail of an error about an unknown name: the nearest known one, and the first of all.

    Unlike `fnn.spec.choice` it keeps the order, which is that of columns, and stays short.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (known: {listed(names)})"


def check_names(known: Sequence[str], expected: Iterable[str], location: str) -> None:
    """Raise `DataError` where columns are missing, with the nearest existing name for the first."""
    missing = [name for name in expected if name not in known]
    if missing:
        quoted = listed(map(repr, missing))
        raise DataError(f"missing columns: {quoted}{one_of(missing[0], known)}", location)


def listed(names: Iterable[str]) -> str:
    """Names with commas between them, the first 30 of them."""
    quoted = list(names)
    rest = f", … {len(quoted) - MAX_LISTED} more" if len(quoted) > MAX_LISTED else ""
    return ", ".join(quoted[:MAX_LISTED]) + rest
