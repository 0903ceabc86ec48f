"""Columns of frames that are not pandas': polars, Arrow, and what else has Arrow's stream.

They are read by Arrow's PyCapsule interface (`__arrow_c_stream__`), through pyarrow, which the
frame's own package need not know. Arrow columns are converted one at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.data.errors import DataError
from fnn.data.targets.target import class_name

DATES = "take numbers of them, such as the year, month and weekday, or the days since a first one"


def has_arrow_stream(values: object) -> bool:
    """Whether a value is a frame that gives itself as a stream of Arrow's columns."""
    return hasattr(values, "__arrow_c_stream__") and hasattr(values, "columns")


def arrow_columns(frame: Any, location: str) -> list[tuple[str, np.ndarray]]:
    """Names and columns, float64 or object arrays of str: numbers stay numbers; strings, categories
    and bools are categories; null and NaN are missing.

    Raises `DataError` without pyarrow, and for columns of other things (dates, lists).
    """
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            f"a frame of {type(frame).__module__.partition('.')[0]} is read by pyarrow, which is "
            "not installed: pip install pyarrow",
            location,
        ) from None
    table = pyarrow.table(frame)
    return [
        (name, _column(column, f"{location}, column {name}"))
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]


def _column(column: Any, location: str) -> np.ndarray:
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        return _categories(column.cast(kind.value_type).to_pylist())
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        numbers = [np.nan if value is None else float(value) for value in column.to_pylist()]
        return np.array(numbers, np.float64)
    if types.is_null(kind) or types.is_boolean(kind) or _is_string(kind):
        return _categories(column.to_pylist())
    hint = DATES if types.is_temporal(kind) else "convert or drop it"
    raise DataError(f"expected numbers or strings, got {kind}; {hint}", location)


def _is_string(kind: Any) -> bool:
    from pyarrow import types

    view = getattr(types, "is_string_view", lambda _: False)
    return bool(types.is_string(kind) or types.is_large_string(kind) or view(kind))


def _categories(values: list[Any]) -> np.ndarray:
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        if value is not None:
            plain = isinstance(value, str | bool)
            column[row] = str(value) if plain else class_name(value)
    return column
