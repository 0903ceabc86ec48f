"""What data can get wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from fnn.spec import FnnError

SHOWN = 30
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


def check_names(known: Sequence[str], expected: Iterable[str], place: str) -> None:
    """An error where columns are missing, with the nearest name there is for the first."""
    lacking = [name for name in expected if name not in known]
    if lacking:
        shown = listed(map(repr, lacking))
        raise DataError(f"missing columns: {shown}{one_of(lacking[0], known)}", place)


def listed(names: Iterable[str]) -> str:
    """Names with commas between them, the first 30 of them."""
    shown = list(names)
    rest = f", … {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + rest
