"""Reading plain JSON: each field of its type, or a `DataError` with its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.data.errors import DataError

JsonObject: TypeAlias = dict[str, Any]
"""plain JSON: objects, lists, strings, numbers, bools and None"""


def field(data: object, name: str, kind: type | tuple[type, ...]) -> Any:
    """data[name], which must be of that type (a bool is no number)."""
    if not isinstance(data, Mapping) or name not in data:
        raise DataError("the field is missing", name)
    value = data[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise DataError(f"expected {names}, got {str(value)[:60]!r}", name)
    return value


def numbers(data: object, name: str) -> NDArray[np.float64]:
    """data[name] as a float64 array of any shape; all must be finite."""
    value = field(data, name, (list, float, int))
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError("expected an array of numbers", name) from None
    if not np.isfinite(array).all():
        raise DataError("expected finite numbers", name)
    return array


def number(data: object, name: str) -> float:
    """data[name] as a finite number."""
    return float(numbers({name: field(data, name, (float, int))}, name))


def scales(data: object, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """data[name] as a float64 array of that shape, all of it above 0."""
    array = numbers(data, name)
    if array.shape != shape or not np.all(array > 0):
        raise DataError(f"expected numbers above 0 of shape {shape}, got {array.shape}", name)
    return array


def names(data: object, name: str, *, none: bool = False) -> tuple[Any, ...]:
    """data[name] as a tuple of str (and None where `none` allows it)."""
    values = field(data, name, list)
    allowed: tuple[type, ...] = (str, type(None)) if none else (str,)
    if not all(isinstance(value, allowed) for value in values):
        raise DataError("expected a list of strings", name)
    return tuple(values)
