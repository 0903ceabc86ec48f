"""Data in memory, in its own units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from fnn.data.errors import DataError
from fnn.data.tables.csv_reader import TextFormat
from fnn.data.tables.table import Table, is_categories

if TYPE_CHECKING:
    from fnn.losses.loss import Task

Inputs: TypeAlias = np.ndarray | Table
BLOCK = 8192
TOO_LARGE = "deviations (numbers this large can't be scaled)"


class DataRows(NamedTuple):
    """Some rows in their own units.

    `inputs` are numbers (n, …) or a table of n rows; `target` is class numbers int32 (n,), or
    for regression float64 numbers (n,) or (n, O).
    """

    inputs: Inputs
    target: np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets by row, in their own units; nothing is scaled, filled in or encoded.

    Errors: rows that do not match, fewer than two rows, NaN or infinite inputs (a table may have
    missing ones), infinite or missing targets, class numbers out of range, a single class.
    """

    name: str
    inputs: Inputs
    target: np.ndarray
    classes: tuple[str, ...] | None
    """names of the classes in the order of their numbers; None for regression"""
    test: DataRows | None = None
    """an official test part, which stays as it is"""
    divisor: float | None = None
    """all inputs share one scale, and x / divisor lies in [0, 1]; None: each has its own"""
    target_name: str = "target"
    """for figures and messages"""
    columns: tuple[str, ...] = ()
    """names of the inputs of an array (n, I), where they have any"""
    text: TextFormat | None = None
    """how the text file was read that the data came from"""
    notes: tuple[str, ...] = ()
    """what was decided for the user when the data was read"""
    on_disk: bool = False
    """the inputs are memory-mapped, perhaps larger than memory, and are read as they are needed"""

    def __post_init__(self) -> None:
        self._check_rows(self.name, self.inputs, self.target)
        if len(self.target) < 2:
            raise DataError("expected at least two rows, got one", self.name)
        if self.classes is not None:
            self._check_classes(self.classes)
        if self.columns and self.inputs.shape[1:] != (len(self.columns),):
            raise DataError(
                f"{len(self.columns)} names for inputs of shape {self.inputs.shape}", self.name
            )
        if self.test is not None:
            place = f"{self.name}, test part"
            self._check_rows(place, *self.test)
            self._check_like(place, self.test)

    @property
    def task(self) -> Task:
        """binary (two classes), classes (more of them) or regression."""
        if self.classes is None:
            return "regression"
        return "binary" if len(self.classes) == 2 else "classes"

    @property
    def outputs(self) -> int:
        """How many outputs a network needs: 1 for binary, C for classes, O for regression."""
        if self.classes is not None:
            return 1 if len(self.classes) == 2 else len(self.classes)
        return 1 if self.target.ndim == 1 else self.target.shape[1]

    def _check_rows(self, place: str, inputs: Inputs, target: np.ndarray) -> None:
        kind = np.float64 if self.classes is None else np.int32
        if target.dtype != kind:
            raise DataError(f"expected {np.dtype(kind)} targets, got {target.dtype}", place)
        ranks = (1, 2) if self.classes is None else (1,)
        if len(inputs.shape) < 2 or target.ndim not in ranks or len(inputs) != len(target):
            raise DataError(
                "expected as many rows of inputs as of targets, "
                f"got shapes {inputs.shape} and {target.shape}",
                place,
            )
        if not len(target) or 0 in inputs.shape:
            raise DataError(f"expected rows and inputs, got shape {inputs.shape}", place)
        check_inputs(inputs, place, self.columns)
        if self.classes is None:
            check_finite(target, place, what=self.target_name)
        else:
            _check_range(target, len(self.classes), place)

    def _check_classes(self, classes: tuple[str, ...]) -> None:
        present = np.unique(self.target)
        if len(present) < 2:
            raise DataError(
                f"expected at least two classes in {self.target_name}, "
                f"got only {classes[present[0]]!r}",
                self.name,
            )
        if len(set(classes)) < len(classes):
            raise DataError(f"expected names that differ, got the classes {classes}", self.name)

    def _check_like(self, place: str, test: DataRows) -> None:
        """A test part looks like the rows to learn from."""
        if isinstance(self.inputs, Table) != isinstance(test.inputs, Table):
            raise DataError("expected both parts to be tables or both arrays", place)
        for what, ours, theirs in (
            ("inputs", self.inputs.shape[1:], test.inputs.shape[1:]),
            ("targets", self.target.shape[1:], test.target.shape[1:]),
        ):
            if ours != theirs:
                raise DataError(
                    f"expected {what} of shape {ours} a row as in the training part, got {theirs}",
                    place,
                )


def check_inputs(inputs: Inputs, place: str, columns: tuple[str, ...] = ()) -> None:
    """NaN or infinite numbers are an error that names the first column with them, and how many.

    In a table a NaN is a missing number, and no error.
    """
    if not isinstance(inputs, Table):
        check_finite(inputs, place, columns)
        return
    for name, values in inputs.columns.items():
        if not is_categories(values) and (count := np.isinf(values).sum()):
            row = inputs.where(int(np.isinf(values).argmax()))
            raise DataError(
                f"expected finite numbers, got {count} infinite, the first in {row}",
                f"{place}, column {name}",
            )


def check_finite(
    values: np.ndarray, place: str, columns: tuple[str, ...] = (), what: str = "inputs"
) -> None:
    """NaN or infinite numbers in an array are an error: where, and how many."""
    if values.dtype.kind != "f" or all(np.isfinite(block).all() for block in blocks(values)):
        return
    bad = ~np.isfinite(values)
    row, *column = np.argwhere(bad)[0].tolist()
    nan = int(np.isnan(values).sum())
    where = f" of column {columns[column[0]] if columns else ', '.join(map(str, column))}"
    raise DataError(
        f"expected finite {what}, got {nan} NaN and {bad.sum() - nan} infinite, "
        f"the first in row {row}{where if column else ''}"
        + (f" ({bad[:, *column].sum()} in that column)" if column else ""),
        place,
    )


def _check_range(target: np.ndarray, classes: int, place: str) -> None:
    bad = np.flatnonzero((target < 0) | (target >= classes))
    if bad.size:
        raise DataError(
            f"expected class numbers from 0 to {classes - 1}, "
            f"got {target[bad[0]]} in row {bad[0]} ({bad.size} out of range in all)",
            place,
        )


def blocks(rows: Any) -> Iterator[np.ndarray]:
    """An array in blocks of rows, so that what is computed from it takes little memory."""
    return (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))


def take(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Some rows of inputs, by their numbers."""
    return inputs.take(rows) if isinstance(inputs, Table) else inputs[rows]
