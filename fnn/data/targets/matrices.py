"""Targets of several numbers a row: one-hot rows, yes/no labels, or numbers to predict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fnn.data.errors import DataError
from fnn.data.targets.target import Target, TaskOption


def from_matrix(
    target: np.ndarray, task: TaskOption, names: Sequence[str] | None, location: str
) -> Target:
    """Classes of one-hot rows, yes/no labels of other rows of 0 and 1, else numbers (n, O).

    `task` says otherwise. `names` are those of the columns, "0", "1", … where there are none.
    Errors: rows that are not what the task takes, with the first of them; names that are more or
    fewer than columns.
    """
    is_binary = ((target == 0) | (target == 1)).reshape(len(target), -1)
    one_hot = is_binary.all(1) & (target.reshape(len(target), -1).sum(1) == 1)
    if task == "regression" or (task is None and names is None and not is_binary.all()):
        return Target(target.astype(np.float64), None)
    if target.ndim != 2:
        raise DataError(f"expected one row of targets for each, got {target.shape}", location)
    columns = tuple(map(str, range(target.shape[1]) if names is None else names))
    if len(columns) != target.shape[1]:
        raise DataError(f"{len(columns)} names for {target.shape[1]} columns", location)
    if task in ("classes", "binary") or (task is None and one_hot.all()):
        if not one_hot.all():
            row = int(one_hot.argmin())
            raise DataError(
                f"expected one class number a row, or one-hot rows, got shape {target.shape} with "
                f"{target[row].tolist()!s:.60} in row {row}",
                location,
            )
        note = f"the one-hot rows of {location} were taken for classes"
        return Target(target.argmax(1).astype(np.int32), columns, "" if task else note)
    if not is_binary.all():
        row = int(is_binary.all(1).argmin())
        raise DataError(
            f"expected labels 0 and 1, got {target[row].tolist()!s:.60} in row {row}", location
        )
    note = (
        f"the {len(columns)} columns of 0 and 1 of {location} were taken for yes/no labels; "
        "the task regression would take them for numbers"
    )
    return Target(target.astype(np.float64), None, "" if task else note, columns)
