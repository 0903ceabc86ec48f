"""JSON text that may come from anyone: parsed, or an error for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fnn.spec.errors import SpecError

MAX_DEPTH = 100
"""objects and lists inside one another: 50 combinators, which Python's stack has room for"""
DIGITS = 4300
"""of a whole number, at most; Python parses no longer ones (`sys.set_int_max_str_digits`)"""


def parse_text(text: str) -> Any:
    """The value in a JSON text.

    Raises `SpecError` for a whole number of more than 4,300 digits and for values that are nested
    more than 100 deep; `json.JSONDecodeError` for what is no JSON.
    """
    too_deep = SpecError(f"not JSON that can be read: nested too deeply (over {MAX_DEPTH} levels)")
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        message = f"not JSON that can be read: a whole number of more than {DIGITS:,} digits"
        raise SpecError(message) from None
    except RecursionError:
        raise too_deep from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for outer in level for item in _items(outer) if isinstance(item, list | dict)]
        if not level:
            return value
    raise too_deep


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
