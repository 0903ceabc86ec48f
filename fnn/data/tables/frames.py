"""Datasets from frames: pandas', and those that speak Arrow, such as polars'."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.data.dataset import DataRows, Dataset
from fnn.data.errors import DataError, one_of
from fnn.data.tables.arrow import DATES, arrow_columns, has_arrow_stream
from fnn.data.tables.columns import NUMBER_SHARE, check_notation
from fnn.data.tables.csv_reader import is_number
from fnn.data.tables.notation import are_many_valued
from fnn.data.tables.table import Table, is_categories
from fnn.data.targets.target import TaskOption, class_name, encode_like, make_target

DECLARE = "make it one of categories (astype('category'))"


def from_frame(
    frame: Any,
    target: str,
    *,
    name: str = "frame",
    test: Any = None,
    task: TaskOption = None,
    drop: Sequence[str] = (),
) -> Dataset:
    """A dataset of a frame: numbers stay numbers, strings, categories and bools are categories;
    None, NaN and NA are missing. `target` names the column to predict, `test` is a frame with an
    official test part, `task` is as in `from_arrays`.

    A frame is of pandas, or of what gives Arrow's stream (`__arrow_c_stream__`), such as polars or
    pyarrow itself; the latter need pyarrow. `fnn.train(net, (frame, "target"))` calls this.

    Errors: no rows, no such column, columns of other things (dates, lists), two of one name,
    strings that are numbers ("$100", or "3.5" in most rows).
    """
    table = table_of(frame, name)
    if not len(table):
        raise DataError("expected rows, got a frame without any", name)
    _check_strings(frame, table, name)
    for column in (target, *drop):
        check_present(table, str(column), name)
    target = str(target)
    target_values = make_target(table, target, task, f"{name}, column {target}")
    inputs = table.without([target, *map(str, drop)])
    test_rows = None
    if test is not None:
        location = f"{name}, test part"
        test_table = table_of(test, location)
        for column in (*inputs.names, target):
            check_present(test_table, column, location)
        test_inputs = Table({column: test_table.columns[column] for column in inputs.names})
        test_rows = DataRows(
            test_inputs,
            encode_like(test_table, target, target_values.classes, f"{location}, column {target}"),
        )
    return Dataset(
        name,
        inputs,
        target_values.values,
        target_values.classes,
        test_rows,
        target_name=target,
        notes=(target_values.note,) if target_values.note else (),
    )


def is_frame(values: object) -> bool:
    """Whether a value is a frame, of pandas or with Arrow's stream; neither is imported for it."""
    return is_pandas(values) or has_arrow_stream(values)


def is_pandas(values: object) -> bool:
    """Whether a value is a pandas frame."""
    package = type(values).__module__.partition(".")[0]
    return package == "pandas" and hasattr(values, "columns")


def table_of(frame: Any, location: str = "frame") -> Table:
    """The columns of a frame as a table; their names become strings.

    Raises `DataError` for another type, two columns of one name, and columns of other things.
    """
    if not is_frame(frame):
        raise DataError(f"expected a pandas frame, got {type(frame).__name__}", location)
    arrow = None if is_pandas(frame) else arrow_columns(frame, location)
    names = [name for name, _ in arrow] if arrow else [str(column) for column in frame.columns]
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise DataError(
            f"expected column names that differ, got {sorted(duplicates)} twice", location
        )
    if arrow is not None:
        return Table(dict(arrow))
    return Table(
        {
            name: _column(frame.iloc[:, index], f"{location}, column {name}")
            for index, name in enumerate(names)
        }
    )


def _column(series: Any, location: str) -> np.ndarray:
    from pandas.api import types

    missing = series.isna().to_numpy(bool)
    if types.is_numeric_dtype(series) and not types.is_bool_dtype(series):
        if series.dtype.kind == "c":
            raise DataError("expected real numbers, got complex ones", location)
        return series.to_numpy(np.float64, na_value=np.nan)
    values = series.astype(object).to_numpy()
    if series.dtype == "category":
        return _categories(values, missing)
    present = values[~missing]
    if present.size and all(_is_real(value) for value in present):
        column = np.full(len(values), np.nan)
        column[~missing] = present.astype(np.float64)
        return column
    unsupported = next(
        (v for v in present if not isinstance(v, str | bool | np.bool_) and not _is_real(v)), None
    )
    mixed = any(isinstance(v, str) for v in present) and any(map(_is_real, present))
    if unsupported is not None or mixed:
        what = (
            f"{type(unsupported).__name__} {unsupported!r}"
            if unsupported is not None
            else "both strings and numbers"
        )
        dated = isinstance(unsupported, datetime.date | datetime.timedelta | np.datetime64)
        hint = DATES if dated else "convert or drop it"
        raise DataError(f"expected numbers or strings, got {what}; {hint}", location)
    return _categories(values, missing)


def _check_strings(frame: Any, table: Table, location: str) -> None:
    """Raise `DataError` for columns of strings that are numbers; those declared as categories may
    be.
    """
    for index, (name, values) in enumerate(table.columns.items()):
        if not is_categories(values) or (
            is_pandas(frame) and frame.dtypes.iloc[index] == "category"
        ):
            continue
        where = f"{location}, column {name}"
        check_notation(values, where, table.where, DECLARE)
        present = [value for value in values if value is not None]
        numbers = [value for value in present if is_number(value)]
        if len(numbers) > NUMBER_SHARE * len(present) and are_many_valued(numbers):
            row = next(row for row, value in enumerate(values) if value == numbers[0])
            raise DataError(
                f"{table.where(row)}: expected numbers or words, got numbers as strings "
                f"({numbers[0]!r}): convert them (pandas.to_numeric), or if they are categories, "
                f"{DECLARE}",
                where,
            )


def _categories(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        if not missing[row]:
            column[row] = class_name(value) if _is_real(value) else str(value)
    return column


def _is_real(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def check_present(table: Table, name: str, location: str) -> None:
    """Raise `DataError` where a table lacks a column."""
    if name not in table.columns:
        raise DataError(f"no column {name!r}{one_of(name, table.names)}", location)
