"""Datasets from text files of columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fnn.data.dataset import DataRows, Dataset
from fnn.data.errors import DataError, check_names, listed, one_of
from fnn.data.tables.columns import Kind, check_notation, parse_column
from fnn.data.tables.csv_reader import (
    TextColumns,
    TextFormat,
    is_number,
    read_text,
)
from fnn.data.tables.header import HINT, check_header, is_bare, looks_like_data
from fnn.data.tables.table import Table, is_categories
from fnn.data.targets.target import Target, TaskOption, class_name, encode_like, make_target

LEADING_ZERO = re.compile(r"[-+]?0\d+")
"""whole numbers that are more than their value, such as "01" """


class ColumnRoles(NamedTuple):
    """What the columns of a text file are used for."""

    target: str
    inputs: list[str]
    categorical: set[str]
    """columns that hold categories because the user says so"""


def load_table(
    path: Path,
    text_format: TextFormat,
    *,
    target: str | int | None = None,
    task: TaskOption = None,
    test: Path | None = None,
    drop: Sequence[str | int] = (),
    categorical: Sequence[str | int] = (),
) -> Dataset:
    """A text file as a dataset; see `fnn.data.load` for the options.

    Errors name the file, the column and the line.
    """
    text = read_text(path, text_format.delimiter, header=text_format.header)
    text_format = text_format._replace(columns=text.names)
    roles = _column_roles(text, text_format.header, target, drop, categorical)
    kinds: dict[str, Kind | None] = dict.fromkeys(text.names)
    kinds |= dict.fromkeys(roles.categorical, "categories")
    if text_format.header:
        check_header(text, roles.target)
    inputs = parse_columns(text, roles.inputs, kinds, text_format.missing)
    column = parse_columns(text, [roles.target], kinds, text_format.missing)
    for table in (inputs, column):
        for name in table.names:
            if name not in roles.categorical and is_categories(table.columns[name]):
                check_notation(table.columns[name], f"{path}, column {name}", table.where)
    encoded = _target(text, column, roles.target, task, text_format.missing)
    test_rows = None
    if test is not None:
        test_rows = _read_test_part(test, text_format, inputs, roles.target, encoded.classes)
    return Dataset(
        path.name.removesuffix(".gz").rpartition(".")[0] or path.name,
        inputs,
        encoded.values,
        encoded.classes,
        test_rows,
        target_name=roles.target,
        text=text_format,
        notes=(encoded.note,) if encoded.note else (),
    )


def _target(
    text: TextColumns, column: Table, name: str, task: TaskOption, missing: Collection[str]
) -> Target:
    """The target of a column; classes are called as they are written if some begin with 0: "01"."""
    location = f"{text.path}, column {name}"
    encoded = make_target(column, name, task, location)
    if encoded.classes is None or is_categories(column.columns[name]):
        return encoded
    written = {field.strip() for field in text.fields[text.names.index(name)]}
    zeros = sorted(filter(LEADING_ZERO.fullmatch, written))
    if not zeros:
        return encoded
    words = parse_columns(text, [name], {name: "categories"}, missing)
    note = f"the values of {name} were taken for classes as they are written, since there is "
    return make_target(words, name, task, location)._replace(note=note + repr(zeros[0]))


def kind_of_target(classes: tuple[str, ...] | None) -> Kind | None:
    """How a column is read as the target of a model: numbers, words, or whatever it looks like."""
    if classes is None:
        return "numbers"
    as_written = any(is_number(name) and class_name(float(name)) != name for name in classes)
    return "categories" if as_written else None


def _column_roles(
    text: TextColumns,
    header: bool,
    target: str | int | None,
    drop: Sequence[str | int],
    categorical: Sequence[str | int],
) -> ColumnRoles:
    """Errors: columns that do not exist or have no name, a dropped target, no inputs."""
    location = str(text.path)
    target_name = find_column(text, target, header)
    dropped = {find_column(text, name, header, "drop") for name in drop}
    categories = {find_column(text, name, header, "categorical") for name in categorical}
    if target_name in dropped:
        raise DataError(f"column {target_name!r} is the target and can't be left out", location)
    unnamed = [index for index, name in enumerate(text.names) if not name]
    if unnamed:
        raise DataError(
            f"column {unnamed[0] + 1} has no name: an index written by pandas? "
            "Name it in the file's first line, or take it out",
            location,
        )
    inputs = [name for name in text.names if name not in {target_name, *dropped}]
    if not inputs:
        raise DataError(f"no inputs beside the target {target_name!r}", location)
    return ColumnRoles(target_name, inputs, categories)


def find_column(
    text: TextColumns, name: str | int | None, header: bool, option: str = "target"
) -> str:
    """The column's own name: by that name, or without a header by its number (from 1; -1 is the
    last). Errors list the columns.
    """
    known = listed(map(repr, text.names))
    location = str(text.path)
    if name is None:
        how = "by name" if header else "by number (from 1; -1 is the last)"
        hint = f"; {HINT}" if header and (looks_like_data(text) or is_bare(text.names)) else ""
        raise DataError(
            f"which column is the target? Give it {how}: one of {known}{hint}", location
        )
    if name in text.names:
        return str(name)
    if header:
        hint = f"; {HINT}" if is_bare(text.names) or looks_like_data(text) else ""
        raise DataError(
            f"no column {name!r} for {option}{one_of(str(name), text.names)}{hint}", location
        )
    try:
        number = int(name)
    except ValueError:
        number = 0
    width = len(text.names)
    if not 1 <= abs(number) <= width:
        raise DataError(
            f"no column {name!r} for {option}; without a header they go by number, "
            f"1 to {width}, or -1 for the last",
            location,
        )
    return text.names[number - 1 if number > 0 else number]


def parse_columns(
    text: TextColumns,
    names: Sequence[str],
    kinds: dict[str, Kind | None],
    missing: Collection[str],
) -> Table:
    """Columns of a text file as a table; `kinds` are the columns' kinds, None to infer them."""
    fields = dict(zip(text.names, text.fields, strict=True))
    return Table(
        {
            name: parse_column(
                fields[name],
                missing,
                kinds[name],
                f"{text.path}, column {name}",
                text.lines.__getitem__,
            )
            for name in names
        },
        np.array(text.lines),
    )


def kinds_of(table: Table) -> dict[str, Kind | None]:
    """The kinds of a table's columns, to read another file in the same way."""
    return {
        name: "categories" if is_categories(values) else "numbers"
        for name, values in table.columns.items()
    }


def check_columns(text: TextColumns, expected: Sequence[str]) -> None:
    """Raise `DataError` where columns are missing from a file."""
    check_names(text.names, expected, str(text.path))


def _read_test_part(
    path: Path,
    text_format: TextFormat,
    inputs: Table,
    target_name: str,
    classes: tuple[str, ...] | None,
) -> DataRows:
    """The rows of a second file, read in the same way as the first."""
    text = read_text(path, text_format.delimiter, header=text_format.header)
    check_columns(text, (*inputs.names, target_name))
    table = parse_columns(text, inputs.names, kinds_of(inputs), text_format.missing)
    kinds = {target_name: kind_of_target(classes)}
    column = parse_columns(text, [target_name], kinds, text_format.missing)
    return DataRows(
        table, encode_like(column, target_name, classes, f"{path}, column {target_name}")
    )
