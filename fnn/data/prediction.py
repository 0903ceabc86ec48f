"""Rows of a file for a trained model, read in the same way as its training data."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path

import numpy as np

from fnn.data.arrays import encode_more, require_array
from fnn.data.dataset import DataRows, Inputs
from fnn.data.errors import DataError
from fnn.data.preprocessing.preprocessing import Preprocessing
from fnn.data.preprocessing.tables import NumericColumn, TableEncoder
from fnn.data.sources.idx import read_idx
from fnn.data.sources.memory_mapped import is_array_folder, read_array
from fnn.data.sources.whole_files import read_arrays
from fnn.data.tables.columns import Kind
from fnn.data.tables.csv_dataset import check_columns, kind_of_target, parse_columns
from fnn.data.tables.csv_reader import (
    MISSING,
    SUFFIXES,
    TextColumns,
    delimiter_of,
    is_tab_separated,
    is_text_file,
    read_text,
)
from fnn.data.targets.target import encode_like
from fnn.files import expanded


def read_inputs(
    path: str | os.PathLike[str], preprocessing: Preprocessing, *, delimiter: str | None = None
) -> Inputs:
    """The inputs of a file, for `Preprocessing.encode`; a target column is dropped.

    Text files (.csv, .tsv, .txt, perhaps .gz) hold columns by name, in any order, others are
    ignored; or, where the training file had no header, its columns with or without the target. A
    model of arrays also takes a file of numbers without a header, or .npy, .npz (x) and, for images
    in rows, IDX files, or a folder of x.npy. The delimiter is that of the training file, a tab for
    .tsv.

    Errors: no such file, another kind of file, missing columns, words among numbers, other widths.
    """
    path = expanded(path)
    if is_text_file(path):
        text = _text(path, preprocessing, delimiter)
        return _columns(text, preprocessing)
    if is_array_folder(path):
        return read_array(path / "x.npy")
    if path.suffix in (".npy", ".npz"):
        return require_array(read_arrays(path), "inputs", path)
    if "idx" in path.name:
        return _images(path, preprocessing.in_shape)
    known = ", ".join((*SUFFIXES, ".npy", ".npz"))
    raise DataError(f"expected a file of inputs, {known} or IDX, or a folder of x.npy", str(path))


def read_rows(
    path: str | os.PathLike[str], preprocessing: Preprocessing, *, delimiter: str | None = None
) -> DataRows:
    """The inputs of a file and their targets, in the model's class numbers or in raw units.

    As `read_inputs`, with the target's column (.npz: y; a folder: y.npy) there too. Errors: it is
    missing, wholly or in some rows; classes that the model does not know.
    """
    path = expanded(path)
    if is_text_file(path):
        text = _text(path, preprocessing, delimiter)
        name, classes = preprocessing.target_name, preprocessing.classes
        inputs = _columns(text, preprocessing)
        check_columns(text, [name])
        column = parse_columns(
            text, [name], {name: kind_of_target(classes)}, _missing(preprocessing)
        )
        return DataRows(inputs, encode_like(column, name, classes, f"{path}, column {name}"))
    if is_array_folder(path):
        arrays = {name: read_array(path / f"{name}.npy") for name in ("x", "y")}
    elif path.suffix == ".npz":
        arrays = read_arrays(path)
    else:
        raise DataError(
            "no targets: expected a text file with their column, .npz, or a folder of x.npy and "
            "y.npy",
            str(path),
        )
    target = encode_more(
        require_array(arrays, "target", path), preprocessing.classes, f"{path}, target"
    )
    inputs = require_array(arrays, "inputs", path)
    if len(inputs) != len(target):
        raise DataError(f"{len(inputs)} rows of inputs and {len(target)} of targets", str(path))
    return DataRows(inputs, target)


def _missing(preprocessing: Preprocessing) -> tuple[str, ...]:
    return MISSING if preprocessing.text is None else preprocessing.text.missing


def _text(path: Path, preprocessing: Preprocessing, delimiter: str | None) -> TextColumns:
    """The file's fields under the names that the training file gave its columns."""
    text_format = preprocessing.text
    if text_format is None:
        table = isinstance(preprocessing.encoder, TableEncoder)
        return read_text(path, delimiter_of(path, delimiter), header=True if table else None)
    if delimiter is None and not is_tab_separated(path) and text_format.delimiter != "\t":
        delimiter = text_format.delimiter
    text = read_text(path, delimiter_of(path, delimiter), header=text_format.header)
    if text_format.header:
        return text
    names, width = text_format.columns, len(text.names)
    if width == len(names) - 1:
        names = tuple(name for name in names if name != preprocessing.target_name)
    if width != len(names):
        raise DataError(
            f"expected {len(names)} columns as in training, or {len(names) - 1} without the "
            f"target; got {width}",
            str(path),
        )
    return text._replace(names=names)


def _columns(text: TextColumns, preprocessing: Preprocessing) -> Inputs:
    """The columns that the model needs."""
    encoder, missing = preprocessing.encoder, _missing(preprocessing)
    if isinstance(encoder, TableEncoder):
        kinds: dict[str, Kind | None] = {
            column.name: "numbers" if isinstance(column, NumericColumn) else "categories"
            for column in encoder.columns
        }
        check_columns(text, list(kinds))
        return parse_columns(text, list(kinds), kinds, missing)
    names = [name for name in text.names if name != preprocessing.target_name]
    if preprocessing.columns and not text.names[0].startswith("column_"):
        names = list(preprocessing.columns)
        check_columns(text, names)
    if (len(names),) != preprocessing.in_shape:
        raise DataError(
            f"expected {prod(preprocessing.in_shape)} columns of inputs, got {len(names)}",
            str(text.path),
        )
    table = parse_columns(text, names, dict.fromkeys(names, "numbers"), missing)
    return np.stack(list(table.columns.values()), axis=1)


def _images(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """IDX images as rows, if the model's inputs are as many as their pixels."""
    pixels = read_idx(path, (None, 28, 28))
    if shape not in ((784,), (28, 28), (28, 28, 1)):
        raise DataError(f"images 28 × 28 for a model of inputs {shape}", str(path))
    return pixels.reshape(-1, *shape)
