"""What a target is: numbers of classes with their names, or numbers to predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from fnn.data.errors import DataError, listed, one_of
from fnn.data.tables.table import Table, is_categories, missing_in

TaskOption: TypeAlias = (
    Literal["classes", "binary", "multilabel", "regression", "classification"] | None
)
"""classes (classification is another word for it), two of them, yes/no labels, numbers"""
TASKS = ("classes", "binary", "multilabel", "regression")
MAX_CLASSES = 20
"""the most distinct whole numbers that are taken for classes by default"""
MAX_INTEGER_CLASSES = 1000
"""of arrays of integers that leave none out from 0 on, each of them twice or more"""
EXACT_INTEGERS = 2**53
"""from here on whole numbers that differ may be one float64"""


class Target(NamedTuple):
    """Class numbers int32 (n,) with the classes' names; float64 numbers and None; or for yes/no
    labels float64 0 and 1 (n, K), None, and the labels' names.
    """

    values: np.ndarray
    classes: tuple[str, ...] | None
    note: str = ""
    """a default that was chosen for the user"""
    labels: tuple[str, ...] | None = None


def make_target(table: Table, name: str, task: TaskOption, location: str) -> Target:
    """Classes or numbers from a column of a table.

    Strings are classes. Whole numbers are classes where `task` says so or, by default, where they
    look like it: two values, or up to 20 that leave none out from 0 or 1 on, and at least twice as
    many rows as values. All else is regression. Classes are numbered in sorted order.

    Errors: missing values, strings for regression, classes that are not whole numbers, other than
    two of them for binary, a column for multilabel, which takes a matrix.
    """
    task = plain_task(task)
    if task == "multilabel":
        raise DataError("multilabel takes a matrix of 0 and 1, got one column", location)
    return check_binary(_make_target(table, name, task, location), task, location)


def _make_target(table: Table, name: str, task: TaskOption, location: str) -> Target:
    values = table.columns[name]
    check_complete(table, name, location)
    if is_categories(values):
        if task == "regression":
            message = f"expected numbers for regression, got {values[0]!r}"
            raise DataError(f"{table.where(0)}: {message}", location)
        classes = tuple(sorted(set(values)))
        return Target(encode_like(table, name, classes, location), classes)
    if task == "regression" or (task is None and not looks_like_classes(values)):
        return Target(values, None)
    large = np.flatnonzero(abs(values) >= EXACT_INTEGERS)
    if large.size:
        raise DataError(
            f"{table.where(int(large[0]))}: {values[large[0]]:.0f} has more digits than a number "
            f"holds, so classes would become one: name {name!r} in `categorical`",
            location,
        )
    distinct, numbers = np.unique(values, return_inverse=True)
    fractional = np.flatnonzero(values != np.round(values))
    if fractional.size:
        raise DataError(
            f"{table.where(fractional[0])}: expected whole numbers or strings as classes, "
            f"got {values[fractional[0]]} ({fractional.size} that are not whole in all)",
            location,
        )
    names = tuple(class_name(number) for number in distinct)
    return Target(numbers.astype(np.int32), names, "" if task else assumed_classes(name, names))


def encode_like(
    table: Table, name: str, classes: tuple[str, ...] | None, location: str
) -> np.ndarray:
    """A column as the target of more rows: numbers of those classes, or float64 numbers.

    Errors: a class that is not among them (with its row), missing values.
    """
    values = table.columns[name]
    check_complete(table, name, location)
    if classes is None:
        if is_categories(values):
            raise DataError(f"{table.where(0)}: expected a number, got {values[0]!r}", location)
        return values
    names = values.tolist() if is_categories(values) else [class_name(value) for value in values]
    number = {name: index for index, name in enumerate(classes)}
    try:
        return np.array([number[name] for name in names], np.int32)
    except KeyError:
        row = next(row for row, name in enumerate(names) if name not in number)
        message = f"unknown class {names[row]!r}{one_of(names[row], classes)}"
        raise DataError(f"{table.where(row)}: {message}", location) from None


def plain_task(task: TaskOption) -> TaskOption:
    """The task, classes for classification. Raises `DataError` for another than `TaskOption`."""
    if task is not None and task not in (*TASKS, "classification"):
        raise DataError(
            "expected classification or regression, in other words classes, binary, multilabel or "
            f"regression; got {task!r}",
            "task",
        )
    return "classes" if task == "classification" else task


def check_binary(target: Target, task: TaskOption, location: str) -> Target:
    """The target. Raises `DataError` where two classes are asked for and there are more."""
    if task == "binary" and target.classes is not None and len(target.classes) > 2:
        raise DataError(
            f"expected two classes for the task binary, got {len(target.classes)}: "
            f"{listed(target.classes[:5])}{', …' if target.classes[5:] else ''}",
            location,
        )
    return target


def check_complete(table: Table, name: str, location: str) -> None:
    """Raise `DataError` for a missing or infinite target, with its row."""
    values = table.columns[name]
    missing = missing_in(values)
    if missing.any():
        others = f" ({missing.sum()} such rows in all)" if missing.sum() > 1 else ""
        raise DataError(f"{table.where(int(missing.argmax()))}: no target{others}", location)
    if not is_categories(values) and np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise DataError(
            f"{table.where(row)}: expected a finite number, got {values[row]}", location
        )


def class_name(value: float) -> str:
    """A number as the name of a class: 3.0 is "3"."""
    return str(int(value)) if float(value).is_integer() else str(value)


def assumed_classes(name: str, classes: Sequence[str]) -> str:
    """The note about numbers that were taken for classes by default."""
    return (
        f"the {len(classes)} values of {name} were taken for classes; "
        "the task regression would take them for numbers"
    )


def looks_like_classes(values: np.ndarray) -> bool:
    """Two whole numbers, or few that leave none out from 0 or 1 on; see `make_target`.

    Of an array of integers up to 1000 that leave none out from 0 on, each of them twice or more.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if not np.isfinite(distinct).all() or np.any(distinct != np.round(distinct)):
        return False
    consecutive = distinct[0] in (0, 1) and distinct[-1] - distinct[0] == len(distinct) - 1
    if values.dtype.kind in "iu" and distinct[0] == 0 and consecutive and counts.min() > 1:
        return len(distinct) <= MAX_INTEGER_CLASSES
    if len(distinct) > MAX_CLASSES or 2 * len(distinct) > len(values):
        return False
    return len(distinct) == 2 or bool(consecutive)
