"""Datasets by name or file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fnn.data.arrays import load_npz
from fnn.data.dataset import Dataset
from fnn.data.errors import DataError
from fnn.data.sources.bundled import BUNDLED, bundled
from fnn.data.sources.images import IMAGES, images
from fnn.data.sources.memory_mapped import is_array_folder, load_folder
from fnn.data.tables.csv_dataset import load_table
from fnn.data.tables.csv_reader import MISSING, TextFormat, delimiter_of, is_text_file
from fnn.data.targets.target import TaskOption
from fnn.files import expanded
from fnn.spec import choice

NAMES = tuple(sorted((*BUNDLED, *IMAGES)))


def load(
    source: str | os.PathLike[str],
    *,
    target: str | int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    delimiter: str | None = None,
    header: bool = True,
    missing: Sequence[str] = MISSING,
    task: TaskOption = None,
    test: str | os.PathLike[str] | None = None,
    drop: Sequence[str | int] = (),
    categorical: Sequence[str | int] = (),
) -> Dataset:
    """The dataset of a known name (`NAMES`; `data_dir` is where images are looked for), or of a
    file: .csv, .tsv or .txt, perhaps with .gz behind it, or .npz with the arrays x and y; or of a
    folder with x.npy and y.npy, which stay on disk (`fnn.data.sources.memory_mapped`).

    Text files are UTF-8, a row a line, fields separated by `delimiter` (a comma; a tab for .tsv).
    `target` names the column to predict; without a `header` columns are column_1, column_2, …, and
    a number will do, -1 for the last. Empty fields and those in `missing`, which replaces the usual
    words, are missing values. Columns whose fields are all numbers are numbers, the others (and
    those in `categorical`) are categories; columns in `drop` are left out. `test` is a second file
    of the same columns, an official test part.
    `task` ("classes", "binary", "multilabel", "regression") overrides the default (`make_target` in
    `fnn.data.targets.target`, and for arrays `from_arrays`): strings are classes, and so are whole
    numbers that look like it.

    Errors: an unknown name (with the nearest known one), no such file, options that don't go with
    the source, and whatever is wrong in the file, with the column and line.
    """
    missing = (missing,) if isinstance(missing, str) else tuple(missing)
    default_format = header and missing == MISSING and delimiter is None
    column_options = not default_format or bool(drop) or bool(categorical) or test
    if str(source) in NAMES:
        if column_options or target is not None or task is not None:
            raise DataError("options about a file's columns don't go with a known set", str(source))
        return bundled(str(source)) if source in BUNDLED else images(str(source), data_dir)
    path = expanded(source)
    is_folder = is_array_folder(path)
    if not is_folder and is_text_file(path) and path.exists():
        return load_table(
            path,
            TextFormat(delimiter_of(path, delimiter), header, missing),
            target=target,
            task=task,
            test=None if test is None else expanded(test),
            drop=drop,
            categorical=categorical,
        )
    if not is_folder and not (path.suffix == ".npz" and path.exists()):
        raise DataError(_unknown(str(source), path))
    if column_options or (is_folder and target is not None):
        raise DataError("options about columns are for text files", str(path))
    if is_folder:
        return load_folder(path, task=task)
    return load_npz(path, task=task, target=None if target is None else str(target))


def _unknown(source: str, path: Path) -> str:
    if path.is_dir():
        return f"{source} is a folder without x.npy: expected a file or a name ({', '.join(NAMES)})"
    files = ".csv, .tsv, .txt (perhaps with .gz behind it) or .npz"
    if path.exists():
        return f"{source} is none of the files that can be read: {files}"
    if path.suffix or len(path.parts) > 1:
        return f"no such file: {source}"
    return f"unknown data {source!r}{choice(source, NAMES)}"
