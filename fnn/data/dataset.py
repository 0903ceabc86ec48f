"""Data in memory, in its own units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np

from fnn.data.errors import DataError
from fnn.data.tables.csv_reader import TextFormat
from fnn.data.tables.table import Table, is_categories

if TYPE_CHECKING:
    from fnn.losses.loss import Task

Inputs: TypeAlias = np.ndarray | Table
BLOCK_ROWS = 8192
TOO_LARGE = "deviations (numbers this large can't be scaled)"


class RowArray(Protocol):
    """An array, or what reads rows of one when it is indexed."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def ndim(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | np.ndarray, /) -> np.ndarray: ...


class DataRows(NamedTuple):
    """Some rows in their own units.

    `inputs` are numbers (n, …) or a table of n rows; `target` is class numbers int32 (n,), or
    for regression float64 numbers (n,) or (n, O).
    """

    inputs: Inputs
    target: np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets by row, in their own units; nothing is scaled, imputed or encoded.

    Errors: rows that do not match, fewer than two rows, NaN or infinite inputs (a table may have
    missing ones), infinite or missing targets, class numbers out of range, a single class.
    """

    name: str
    inputs: Inputs
    target: np.ndarray
    classes: tuple[str, ...] | None
    """names of the classes in the order of their numbers; None for regression"""
    test: DataRows | None = None
    """an official test part, which is never split"""
    divisor: float | None = None
    """all inputs share one scale, and x / divisor lies in [0, 1]; None: each has its own"""
    target_name: str = "target"
    """for figures and messages"""
    columns: tuple[str, ...] = ()
    """names of the inputs of an array (n, I), where they have any"""
    text: TextFormat | None = None
    """the format of the text file that was read"""
    notes: tuple[str, ...] = ()
    """what was decided for the user when the data was read"""
    on_disk: bool = False
    """the inputs are memory-mapped, perhaps larger than memory, and are read as they are needed"""
    labels: tuple[str, ...] | None = None
    """names of yes/no labels, of which a row has any number: targets are 0 and 1, float64 (n, K)"""

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
            location = f"{self.name}, test part"
            self._check_rows(location, *self.test)
            self._check_same_shapes(location, self.test)

    @property
    def task(self) -> Task:
        """binary (two classes, or yes/no labels), classes (more of them) or regression."""
        if self.labels is not None:
            return "binary"
        if self.classes is None:
            return "regression"
        return "binary" if len(self.classes) == 2 else "classes"

    @property
    def outputs(self) -> int:
        """How many outputs a network needs: 1 for two classes, C for more, O for regression, K for
        yes/no labels.
        """
        if self.classes is not None:
            return 1 if len(self.classes) == 2 else len(self.classes)
        return 1 if self.target.ndim == 1 else self.target.shape[1]

    def _check_rows(self, location: str, inputs: Inputs, target: np.ndarray) -> None:
        kind = np.float64 if self.classes is None else np.int32
        if target.dtype != kind:
            raise DataError(f"expected {np.dtype(kind)} targets, got {target.dtype}", location)
        ranks = (1, 2) if self.classes is None else (1,)
        if len(inputs.shape) < 2 or target.ndim not in ranks or len(inputs) != len(target):
            raise DataError(
                "expected as many rows of inputs as of targets, "
                f"got shapes {inputs.shape} and {target.shape}",
                location,
            )
        if not len(target) or 0 in inputs.shape:
            raise DataError(f"expected rows and inputs, got shape {inputs.shape}", location)
        check_inputs(inputs, location, self.columns)
        if self.classes is None:
            check_finite(target, location, what=self.target_name)
            if self.labels is not None:
                check_answers(target, len(self.labels), location)
        else:
            _check_range(target, len(self.classes), location)

    def _check_classes(self, classes: tuple[str, ...]) -> None:
        occurring = np.unique(self.target)
        if len(occurring) < 2:
            raise DataError(
                f"expected at least two classes in {self.target_name}, "
                f"got only {classes[occurring[0]]!r}",
                self.name,
            )
        if len(set(classes)) < len(classes):
            raise DataError(f"expected names that differ, got the classes {classes}", self.name)

    def _check_same_shapes(self, location: str, test: DataRows) -> None:
        """The test part has inputs and targets of the same shape a row."""
        if isinstance(self.inputs, Table) != isinstance(test.inputs, Table):
            raise DataError("expected both parts to be tables or both arrays", location)
        for what, own_shape, test_shape in (
            ("inputs", self.inputs.shape[1:], test.inputs.shape[1:]),
            ("targets", self.target.shape[1:], test.target.shape[1:]),
        ):
            if own_shape != test_shape:
                raise DataError(
                    f"expected {what} of shape {own_shape} a row as in the training part, "
                    f"got {test_shape}",
                    location,
                )


def check_answers(target: np.ndarray, labels: int, location: str) -> None:
    """Raise `DataError` unless a target is 0 and 1, (n, labels)."""
    if target.ndim != 2 or target.shape[1] != labels:
        raise DataError(f"expected {labels} labels a row, got shape {target.shape}", location)
    wrong = np.argwhere((target != 0) & (target != 1))
    if wrong.size:
        row, label = wrong[0]
        raise DataError(
            f"expected labels 0 and 1, got {target[row, label]:g} in row {row}", location
        )


def check_dense(values: object, location: str) -> None:
    """Raise `DataError` for what NumPy would take for something else: masked and sparse arrays."""
    parts = values if isinstance(values, list | tuple) else [values]
    for number, part in enumerate(parts):
        if not hasattr(part, "dtype"):
            continue
        if isinstance(part, np.ma.MaskedArray) and part.mask.any():
            first = np.argwhere(np.ma.getmaskarray(part))[0].tolist()
            row, *column = [number, *first] if parts is values else first
            where = f" of column {', '.join(map(str, column))}" if column else ""
            count = int(np.ma.count_masked(part))
            entries = "an entry is" if count == 1 else f"{count:,} entries are"
            raise DataError(
                f"{entries} masked, the first in row {row}{where}: fill them, or drop the rows",
                location,
            )
        if hasattr(part, "toarray") and hasattr(part, "nnz"):
            raise DataError("expected an array, got a sparse one: write x.toarray()", location)


def check_inputs(inputs: Inputs, location: str, columns: tuple[str, ...] = ()) -> None:
    """Raise `DataError` for NaN or infinite numbers: the first column with them, and how many.

    In a table a NaN is a missing number, and no error.
    """
    if not isinstance(inputs, Table):
        check_finite(inputs, location, columns)
        return
    for name, values in inputs.columns.items():
        if not is_categories(values) and (count := np.isinf(values).sum()):
            row = inputs.where(int(np.isinf(values).argmax()))
            raise DataError(
                f"expected finite numbers, got {count} infinite, the first in {row}",
                f"{location}, column {name}",
            )


def check_finite(
    values: RowArray, location: str, columns: tuple[str, ...] = (), what: str = "inputs"
) -> None:
    """Raise `DataError` for NaN or infinite numbers in an array: where, and how many."""
    if values.dtype.kind != "f" or all(np.isfinite(block).all() for block in row_blocks(values)):
        return
    loaded = values[:]
    invalid = ~np.isfinite(loaded)
    row, *column = np.argwhere(invalid)[0].tolist()
    nan = int(np.isnan(loaded).sum())
    where = f" of column {columns[column[0]] if columns else ', '.join(map(str, column))}"
    raise DataError(
        f"expected finite {what}, got {nan} NaN and {invalid.sum() - nan} infinite, "
        f"the first in row {row}{where if column else ''}"
        + (f" ({invalid[:, *column].sum()} in that column)" if column else ""),
        location,
    )


def _check_range(target: np.ndarray, classes: int, location: str) -> None:
    invalid = np.flatnonzero((target < 0) | (target >= classes))
    if invalid.size:
        raise DataError(
            f"expected class numbers from 0 to {classes - 1}, "
            f"got {target[invalid[0]]} in row {invalid[0]} ({invalid.size} out of range in all)",
            location,
        )


def row_blocks(rows: RowArray) -> Iterator[np.ndarray]:
    """The array in blocks of rows, to bound the memory of what is computed from it."""
    return (rows[start : start + BLOCK_ROWS] for start in range(0, len(rows), BLOCK_ROWS))


def take_rows(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Some rows of inputs, by their numbers."""
    return inputs.take(rows) if isinstance(inputs, Table) else inputs[rows]
