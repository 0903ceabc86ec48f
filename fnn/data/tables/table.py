"""Named columns of numbers and categories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fnn.data.errors import DataError


@dataclass(frozen=True, eq=False)
class Table:
    """Columns by name, all of one length: float64 (NaN = missing) or categories (an object array
    of str, None = missing).

    Errors: no columns, other dtypes, columns of different lengths.
    """

    columns: Mapping[str, np.ndarray]
    lines: np.ndarray | None = None
    """the line of each row in its file"""

    def __post_init__(self) -> None:
        if not self.columns:
            raise DataError("a table needs at least one column of inputs")
        for name, values in self.columns.items():
            if values.ndim != 1 or values.dtype not in (np.float64, np.object_):
                raise DataError(
                    "expected a row of float64 numbers or of str, "
                    f"got {values.dtype} of shape {values.shape}",
                    f"column {name}",
                )
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"expected columns of one length, got {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in their order."""
        return tuple(self.columns)

    def take(self, rows: np.ndarray | slice) -> Table:
        """Some rows, by number or slice."""
        lines = None if self.lines is None else self.lines[rows]
        return Table({name: values[rows] for name, values in self.columns.items()}, lines)

    def without(self, names: Iterable[str]) -> Table:
        """All columns but those."""
        excluded = set(names)
        remaining = {name: values for name, values in self.columns.items() if name not in excluded}
        return Table(remaining, self.lines)

    def where(self, row: int) -> str:
        """A row as errors name it: by the line in its file, or by its number from 0."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"


def is_categories(values: np.ndarray) -> bool:
    """Whether a column holds categories rather than numbers."""
    return values.dtype == np.object_


def missing_in(values: np.ndarray) -> np.ndarray:
    """Which rows of a column are missing, as bool."""
    if is_categories(values):
        return np.fromiter((value is None for value in values), bool, len(values))
    return np.isnan(values)
