"""Datasets from pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.data.dataset import DataRows, Dataset
from fnn.data.errors import DataError, one_of
from fnn.data.tables.table import Table
from fnn.data.targets.target import Asked, class_name, like, make_target


def from_frame(
    frame: Any,
    target: str,
    *,
    name: str = "frame",
    test: Any = None,
    task: Asked = None,
    drop: Sequence[str] = (),
) -> Dataset:
    """A dataset of a pandas frame: numbers stay numbers, strings, categories and bools are
    categories; None, NaN and NA are missing. `test` is a frame with an official test part.

    Errors: no rows, no such column, columns of other things (dates, lists), two of one name.
    """
    table = table_of(frame, name)
    if not len(table):
        raise DataError("expected rows, got a frame without any", name)
    for column in (target, *drop):
        check_present(table, str(column), name)
    target = str(target)
    made = make_target(table, target, task, f"{name}, column {target}")
    inputs = table.without([target, *map(str, drop)])
    official = None
    if test is not None:
        place = f"{name}, test part"
        other = table_of(test, place)
        for column in (*inputs.names, target):
            check_present(other, column, place)
        picked = Table({column: other.columns[column] for column in inputs.names})
        official = DataRows(picked, like(other, target, made.classes, f"{place}, column {target}"))
    return Dataset(
        name,
        inputs,
        made.values,
        made.classes,
        official,
        target_name=target,
        notes=(made.note,) if made.note else (),
    )


def is_frame(values: Any) -> bool:
    """Whether something is a pandas frame, asked without importing pandas."""
    package = type(values).__module__.partition(".")[0]
    return package == "pandas" and hasattr(values, "columns")


def table_of(frame: Any, place: str = "frame") -> Table:
    """The columns of a pandas frame; their names become strings."""
    if not is_frame(frame):
        raise DataError(f"expected a pandas frame, got {type(frame).__name__}", place)
    names = [str(column) for column in frame.columns]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(f"expected column names that differ, got {sorted(twice)} twice", place)
    return Table(
        {
            name: _column(frame.iloc[:, index], f"{place}, column {name}")
            for index, name in enumerate(names)
        }
    )


def _column(series: Any, place: str) -> np.ndarray:
    from pandas.api import types

    gone = series.isna().to_numpy(bool)
    if types.is_numeric_dtype(series) and not types.is_bool_dtype(series):
        if series.dtype.kind == "c":
            raise DataError("expected real numbers, got complex ones", place)
        return series.to_numpy(np.float64, na_value=np.nan)
    values = series.astype(object).to_numpy()
    if series.dtype == "category":
        return _categories(values, gone)
    present = values[~gone]
    if present.size and all(_is_real(value) for value in present):
        column = np.full(len(values), np.nan)
        column[~gone] = present.astype(np.float64)
        return column
    bad = next(
        (v for v in present if not isinstance(v, str | bool | np.bool_) and not _is_real(v)), None
    )
    mixed = any(isinstance(v, str) for v in present) and any(map(_is_real, present))
    if bad is not None or mixed:
        what = f"{type(bad).__name__} {bad!r}" if bad is not None else "both strings and numbers"
        raise DataError(f"expected numbers or strings, got {what}; convert or drop it", place)
    return _categories(values, gone)


def _categories(values: np.ndarray, gone: np.ndarray) -> np.ndarray:
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        if not gone[row]:
            column[row] = class_name(value) if _is_real(value) else str(value)
    return column


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def check_present(table: Table, name: str, place: str) -> None:
    """An error where a column is not there."""
    if name not in table.columns:
        raise DataError(f"no column {name!r}{one_of(name, table.names)}", place)
