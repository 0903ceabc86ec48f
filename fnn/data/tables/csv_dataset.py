"""Datasets from text files of columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from fnn.data.dataset import DataRows, Dataset
from fnn.data.errors import DataError, check_names, listed, one_of
from fnn.data.tables.columns import Kind, check_notation, typed
from fnn.data.tables.csv_reader import MISSING, Text, TextFormat, delimiter_of, is_number, read_text
from fnn.data.tables.table import Table, is_categories
from fnn.data.targets.target import Asked, like, make_target


def load_table(
    path: Path,
    *,
    target: str | int | None = None,
    delimiter: str | None = None,
    header: bool = True,
    missing: Sequence[str] = MISSING,
    task: Asked = None,
    test: Path | None = None,
    drop: Sequence[str | int] = (),
    categorical: Sequence[str | int] = (),
) -> Dataset:
    """A text file as a dataset; see `fnn.data.load` for the options.

    Errors name the file, the column and the line.
    """
    marker = delimiter_of(path, delimiter)
    if isinstance(missing, str):
        missing = (missing,)
    style = TextFormat(marker, header, tuple(missing))
    text = read_text(path, marker, header=header)
    style = style._replace(columns=text.names)
    answer = find_column(text, target, header)
    left_out = {find_column(text, name, header, "drop") for name in drop}
    as_text = {find_column(text, name, header, "categorical") for name in categorical}
    if answer in left_out:
        raise DataError(f"column {answer!r} is the target and can't be left out", str(path))
    unnamed = [index for index, name in enumerate(text.names) if not name]
    if unnamed:
        raise DataError(
            f"column {unnamed[0] + 1} has no name: an index written by pandas? "
            "Name it in the file's first line, or take it out",
            str(path),
        )
    kinds: dict[str, Kind | None] = dict.fromkeys(text.names)
    kinds |= dict.fromkeys(as_text, "categories")
    names = [name for name in text.names if name not in {answer, *left_out}]
    if not names:
        raise DataError(f"no inputs beside the target {answer!r}", str(path))
    inputs = columns_of(text, names, kinds, style.missing)
    column = columns_of(text, [answer], kinds, style.missing)
    for table in (inputs, column):
        for name in table.names:
            if name not in as_text and is_categories(table.columns[name]):
                place = f"{path}, column {name}"
                check_notation(table.columns[name], place, table.where)
    made = make_target(column, answer, task, f"{path}, column {answer}")
    official = None
    if test is not None:
        official = _official(test, style, inputs, answer, made.classes)
    notes = (made.note,) if made.note else ()
    return Dataset(
        path.name.removesuffix(".gz").rpartition(".")[0] or path.name,
        inputs,
        made.values,
        made.classes,
        official,
        target_name=answer,
        text=style,
        notes=notes,
    )


def find_column(text: Text, name: str | int | None, header: bool, option: str = "target") -> str:
    """The column's own name: by that name, or without a header by its number (from 1; -1 is the
    last). Errors list the columns.
    """
    known = listed(map(repr, text.names))
    place = str(text.path)
    if name is None:
        how = "by name" if header else "by number (from 1; -1 is the last)"
        raise DataError(f"which column is the target? Give it {how}: one of {known}", place)
    if name in text.names:
        return str(name)
    if header:
        hint = "; is the first line data, and not a header?" if _looks_bare(text) else ""
        raise DataError(
            f"no column {name!r} for {option}{one_of(str(name), text.names)}{hint}", place
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
            place,
        )
    return text.names[number - 1 if number > 0 else number]


def _looks_bare(text: Text) -> bool:
    """Whether a header has numbers in more than a quarter of its fields, as data has."""
    return 4 * sum(map(is_number, text.names)) > len(text.names)


def columns_of(
    text: Text,
    names: Sequence[str],
    kinds: dict[str, Kind | None],
    missing: Collection[str],
) -> Table:
    """Columns of a text file as a table; `kinds` says what is known of them."""
    fields = dict(zip(text.names, text.fields, strict=True))
    return Table(
        {
            name: typed(
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
    """What the columns of a table hold, to read those of another file alike."""
    return {
        name: "categories" if is_categories(values) else "numbers"
        for name, values in table.columns.items()
    }


def check_columns(text: Text, expected: Sequence[str]) -> None:
    """An error where columns are missing from a file."""
    check_names(text.names, expected, str(text.path))


def _official(
    path: Path, style: TextFormat, inputs: Table, answer: str, classes: tuple[str, ...] | None
) -> DataRows:
    """The rows of a second file, read as the first was."""
    text = read_text(path, style.delimiter, header=style.header)
    check_columns(text, (*inputs.names, answer))
    table = columns_of(text, inputs.names, kinds_of(inputs), style.missing)
    kind: Kind | None = "numbers" if classes is None else None
    column = columns_of(text, [answer], {answer: kind}, style.missing)
    return DataRows(table, like(column, answer, classes, f"{path}, column {answer}"))
