"""Tables to network inputs: numbers imputed and standardized, categories one-hot.

Fitted to the training rows alone. A column that is constant there is dropped, with a note.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import TOO_LARGE, Inputs, check_finite
from fnn.data.errors import DataError, check_names, one_of
from fnn.data.json_fields import JsonObject, field, names, number, scales
from fnn.data.preprocessing.scaling import is_constant
from fnn.data.tables.table import Table, is_categories, missing_in

MAX_CATEGORIES = 1000
"""the most categories a column may have"""
UNFORESEEN = "the value is missing, and no training row lacked it"


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers: missing ones become the training rows' median, then all are
    standardized; where the training rows had missing ones, a second column is 1 for those.
    """

    name: str
    median: float
    mean: float
    scale: float
    missing: bool

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns it becomes."""
        return (self.name, f"{self.name} missing") if self.missing else (self.name,)

    def encode_into(self, values: np.ndarray, out: np.ndarray) -> int:
        """Encode the column into `out` (n, features); returns how many were missing unforeseen."""
        missing = np.isnan(values)
        imputed = np.where(missing, self.median, values)
        out[:, 0] = (imputed - self.mean) / self.scale
        if self.missing:
            out[:, 1] = missing
        return 0 if self.missing else int(missing.sum())

    def first_unforeseen(self, values: np.ndarray) -> tuple[int, str]:
        """The first row that can't be encoded, and the message about it."""
        return int(np.isnan(values).argmax()), UNFORESEEN


@dataclass(frozen=True)
class CategoricalColumn:
    """A column of categories: one column of 0 and 1 for each that the training rows have, in
    sorted order; missing is one of them if they have it, the last.
    """

    name: str
    values: tuple[str | None, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns it becomes."""
        return tuple(
            f"{self.name} missing" if value is None else f"{self.name}={value}"
            for value in self.values
        )

    def encode_into(self, values: np.ndarray, out: np.ndarray) -> int:
        """Encode the column into `out` (n, features); returns how many categories were unknown,
        which leave zeros.
        """
        number = {value: index for index, value in enumerate(self.values)}
        codes = np.array([number.get(value, -1) for value in values], np.intp)
        known = np.flatnonzero(codes >= 0)
        out[known, codes[known]] = 1
        return len(values) - len(known)

    def first_unforeseen(self, values: np.ndarray) -> tuple[int, str]:
        """The first row that can't be encoded, and the message about it."""
        row, value = next((i, v) for i, v in enumerate(values) if v not in self.values)
        if value is None:
            return row, UNFORESEEN
        known = [known for known in self.values if known is not None]
        return row, f"unknown category {value!r}{one_of(value, known)}"


Column: TypeAlias = NumericColumn | CategoricalColumn


@dataclass(frozen=True)
class TableEncoder:
    """The columns of a table as float32 features, in the columns' order."""

    columns: tuple[Column, ...]

    @property
    def out_shape(self) -> tuple[int]:
        """(features,)"""
        return (len(self.features),)

    @property
    def features(self) -> tuple[str, ...]:
        """The features' names: the column's, `column=category`, `column missing`."""
        return tuple(name for column in self.columns for name in column.features)

    def __call__(self, table: Table) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Features (n, I), and by column how many values were not foreseen: categories that are
        unknown became zeros, missing numbers the median. Errors: columns missing, or of a kind
        other than fitted.
        """
        check_names(table.names, (column.name for column in self.columns), "inputs")
        out = np.zeros((len(table), *self.out_shape), np.float32)
        unforeseen, start = {}, 0
        for column in self.columns:
            stop = start + len(column.features)
            if count := column.encode_into(_values(table, column), out[:, start:stop]):
                unforeseen[column.name] = count
            start = stop
        return out, unforeseen

    def check_foreseen(self, table: Inputs, unforeseen: dict[str, int]) -> None:
        """Raise `DataError` about the first column with unforeseen values, if there is one."""
        for column in self.columns:
            count = unforeseen.get(column.name, 0)
            if count and isinstance(table, Table):
                others = f"; {count} such rows in all" if count > 1 else ""
                row, message = column.first_unforeseen(_values(table, column))
                raise DataError(
                    f"{table.where(row)}: {message}{others}; with unknown zeros such rows pass",
                    f"column {column.name}",
                )

    def to_json(self) -> JsonObject:
        """Plain JSON, every bit kept."""
        columns = [
            {"numbers" if isinstance(column, NumericColumn) else "categories": asdict(column)}
            for column in self.columns
        ]
        return {"kind": "table", "columns": columns}

    @classmethod
    def from_json(cls, data: object) -> TableEncoder:
        """The inverse of `to_json`. Errors name the field that is missing or damaged."""
        columns = tuple(map(_column, field(data, "columns", list)))
        if not columns:
            raise DataError("expected at least one column", "columns")
        return cls(columns)


def _values(table: Table, column: Column) -> np.ndarray:
    """The column's values, in the kind it was fitted to. Errors: another kind."""
    values = table.columns[column.name]
    categorical = isinstance(column, CategoricalColumn)
    if is_categories(values) == categorical:
        return values
    missing = missing_in(values)
    if missing.all():  # an empty column has no kind
        empty, dtype = (None, object) if categorical else (np.nan, float)
        return np.full(len(values), empty, dtype)
    expected = "categories" if categorical else "numbers"
    row = int(missing.argmin())
    message = f"{table.where(row)}: expected {expected}, got {values[row]!r}"
    raise DataError(message, f"column {column.name}")


def fit_table(table: Table) -> tuple[TableEncoder, tuple[str, ...]]:
    """The encoder of a table's training rows, and notes about the columns that are dropped.

    Dropped are columns without a value, with one value only, and categories that identify rows:
    more than 1000 of them, or more than 20 and half as many as rows. Errors: no column remains.
    """
    columns: list[Column] = []
    notes = []
    for name, values in table.columns.items():
        fit = _fit_categories if is_categories(values) else _fit_numbers
        column = fit(name, values)
        if isinstance(column, str):
            notes.append(f"column {name} is left out: {column}")
        else:
            columns.append(column)
    if not columns:
        raise DataError("no column of inputs is of use: " + "; ".join(notes))
    return TableEncoder(tuple(columns)), tuple(notes)


def _fit_numbers(name: str, values: np.ndarray) -> NumericColumn | str:
    """The fitted column, or why it is of no use."""
    missing = np.isnan(values)
    present = values[~missing]
    if not present.size:
        return "all of its values are missing in the training rows"
    if is_constant(present) and not missing.any():
        return f"it is {present[0]:g} in all training rows"
    median = float(np.median(present))
    imputed = np.where(missing, median, values)
    with np.errstate(over="ignore"):
        scale = float(imputed.std())
    check_finite(np.array([[scale]]), f"column {name}", what=TOO_LARGE)
    constant = is_constant(imputed) or scale == 0
    mean = median if constant else float(imputed.mean())
    return NumericColumn(name, median, mean, 1.0 if constant else scale, bool(missing.any()))


def _fit_categories(name: str, values: np.ndarray) -> CategoricalColumn | str:
    """The fitted column, or why it is of no use."""
    counts = Counter(values.tolist())
    missing = counts.pop(None, 0)
    if not counts:
        return "all of its values are missing in the training rows"
    if len(counts) == 1 and not missing:
        return f"it is {next(iter(counts))!r} in all training rows"
    if len(counts) > MAX_CATEGORIES or (len(counts) > 20 and 2 * len(counts) > len(values)):
        return f"it has {len(counts):,} categories in {len(values):,} training rows"
    return CategoricalColumn(name, (*sorted(counts), *((None,) if missing else ())))


def _column(data: object) -> Column:
    if isinstance(data, dict) and set(data) == {"numbers"}:
        fields = field(data, "numbers", dict)
        name = field(fields, "name", str)
        median, mean = number(fields, "median"), number(fields, "mean")
        scale = scales(fields, "scale", ()).item()
        return NumericColumn(name, median, mean, scale, field(fields, "missing", bool))
    fields = field(data, "categories", dict)
    values = names(fields, "values", none=True)
    if not values or len(set(values)) < len(values):
        raise DataError("expected categories that differ", "values")
    return CategoricalColumn(field(fields, "name", str), values)
