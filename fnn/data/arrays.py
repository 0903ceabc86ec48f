"""Datasets from arrays, and from .npz files of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from fnn.data.dataset import DataRows, Dataset, check_dense, check_finite, row_blocks
from fnn.data.errors import DataError, listed
from fnn.data.sources.whole_files import read_arrays
from fnn.data.tables.frames import check_present, is_frame, is_pandas, table_of
from fnn.data.tables.table import Table, is_categories
from fnn.data.targets.class_labels import from_labels
from fnn.data.targets.matrices import from_matrix
from fnn.data.targets.target import (
    MAX_CLASSES,
    Target,
    TaskOption,
    assumed_classes,
    check_binary,
    class_name,
    encode_like,
    looks_like_classes,
    make_target,
    plain_task,
)

KEYS = {
    "inputs": ("x", "inputs", "x_train"),
    "target": ("y", "target", "y_train"),
    "test inputs": ("x_test", "test_inputs"),
    "test target": ("y_test", "test_target"),
}
PIXELS = 255.0
MIN_PIXELS = 16
"""the fewest numbers a row that are taken for an image"""


def from_arrays(
    x: ArrayLike,
    target: ArrayLike,
    *,
    name: str = "arrays",
    test: tuple[ArrayLike, ArrayLike] | None = None,
    task: TaskOption = None,
    classes: Sequence[str] | None = None,
    divisor: float | None = None,
    columns: Sequence[str] = (),
    target_name: str = "target",
) -> Dataset:
    """A dataset of arrays: NumPy's, JAX's, or lists; inputs (n, I) or (n, …), a target a row.

    Targets are class numbers, strings (the classes' names), one-hot rows, yes/no labels (a matrix
    of 0 and 1), or numbers (n,) or (n, O) to predict. Strings, one-hot rows and whole numbers are
    classes, the latter where they are two, or leave none out from 0 or 1 on and are few
    (`targets.target.looks_like_classes`); other rows of 0 and 1 are labels. `task` ("classes",
    "binary", "multilabel", "regression") says otherwise, and `classes` names classes 0 … C-1, or
    labels. uint8 inputs that look like images, of 16 numbers or more up to beyond 127, are divided
    by 255; other numbers are standardized by column, unless a `divisor` is given. `test` is an
    official test part (inputs, target). Inputs may be a frame of numbers alone, which names the
    `columns`; `from_frame` takes frames with other columns.

    Errors name the array, column and row: other types, NaN, masked or infinite values, lengths that
    don't match, labels that are not whole, negative or out of range, a single class.
    """
    if is_frame(x):
        x, columns = _from_frame(x, f"{name}, inputs")
    inputs = make_inputs(x, f"{name}, inputs")
    location = f"{name}, {target_name}"
    encoded = _target(_as_array(target, location), task, classes, location)
    notes = [encoded.note] if encoded.note else []
    if divisor is None and _are_pixels(inputs):
        divisor = PIXELS
        notes.append("uint8 inputs were taken for pixels and divided by 255")
    test_rows = None
    if test is not None:
        location = f"{name}, test part"
        labels = encode_more(test[1], encoded.classes, f"{location}, {target_name}")
        x = (
            _from_frame(test[0], f"{location}, inputs", columns)[0]
            if is_frame(test[0])
            else test[0]
        )
        test_rows = DataRows(make_inputs(x, f"{location}, inputs"), labels)
    names = tuple(map(str, columns))
    values, task_classes = encoded.values, encoded.classes
    return Dataset(
        name,
        inputs,
        values,
        task_classes,
        test_rows,
        divisor,
        target_name,
        names,
        notes=(*notes,),
        labels=encoded.labels,
    )


def load_npz(path: Path, *, task: TaskOption = None, target: str | None = None) -> Dataset:
    """The arrays x and y (or inputs and target) of an .npz file; x_test and y_test if there.

    `target` names another array as the target. Errors: no such file or arrays, damaged files,
    arrays of Python objects, and those of `from_arrays`.
    """
    arrays = read_arrays(path)
    inputs = require_array(arrays, "inputs", path)
    labels = (
        require_array(arrays, "target", path)
        if target is None
        else require_array(arrays, target, path)
    )
    name = path.name.removesuffix(".npz")
    test_inputs = find_array(arrays, "test inputs")
    test_target = find_array(arrays, "test target")
    if (test_inputs is None) != (test_target is None):
        raise DataError("expected both x_test and y_test, or neither", str(path))
    test = None if test_inputs is None or test_target is None else (test_inputs, test_target)
    return from_arrays(inputs, labels, name=name, test=test, task=task)


def find_array(arrays: Mapping[str, np.ndarray], what: str) -> np.ndarray | None:
    """The array under one of the names for `what` (`KEYS`); None where there is none."""
    for key in KEYS.get(what, (what,)):
        for name, values in arrays.items():
            if name.lower() == key.lower():
                return values
    return None


def require_array(arrays: Mapping[str, np.ndarray], what: str, path: Path) -> np.ndarray:
    """The array under one of the names for `what`. Raises `DataError` with the names there are."""
    values = find_array(arrays, what)
    if values is None:
        expected = " or ".join(KEYS.get(what, (what,)))
        raise DataError(
            f"no array {expected} (there are: {', '.join(arrays) or 'none'})", str(path)
        )
    return values


def make_inputs(x: ArrayLike, location: str) -> np.ndarray:
    """Numbers (n, I) or (n, …): uint8, float32 and float64 stay, others become float64."""
    values = _as_array(x, location)
    if values.dtype.kind not in "biuf":
        raise DataError(f"expected numbers, got {values.dtype}", location)
    if values.ndim < 2:
        raise DataError(
            f"expected a row of inputs for each example, (n, I) or more, got shape {values.shape}",
            location,
        )
    keep = (np.uint8, np.float32, np.float64)
    return values if values.dtype in keep else values.astype(np.float64)


def _are_pixels(inputs: np.ndarray) -> bool:
    """Whether uint8 inputs are pixels, which share one scale: images (two axes or more), or rows of
    16 numbers or more, that reach beyond 127. A dtype alone says nothing: flags and ages have it.
    """
    if inputs.dtype != np.uint8 or (inputs.ndim == 2 and inputs.shape[1] < MIN_PIXELS):
        return False
    return any(block.max() > PIXELS / 2 for block in row_blocks(inputs))


def encode_more(values: ArrayLike, classes: tuple[str, ...] | None, location: str) -> np.ndarray:
    """The target of more rows of the same data: numbers of those classes, or float64 numbers."""
    target = _as_array(values, location)
    if classes is None:
        return _numbers(target, location).astype(np.float64)
    if target.dtype.kind in "biuf" and target.ndim == 2 and target.shape[1] > 1:
        return from_matrix(_numbers(target, location), "classes", classes, location).values
    if target.dtype.kind in "biuf" and classes == tuple(map(str, range(len(classes)))):
        return from_labels(_numbers(target, location), classes, location).values
    names = [
        v if isinstance(v, str) else class_name(v) for v in _without_unit_axis(target).tolist()
    ]
    return encode_like(Table({location: np.array(names, object)}), location, classes, location)


def _from_frame(
    frame: ArrayLike, location: str, names: Sequence[str] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers of a frame (n, I) and its columns' names; `names` picks and orders."""
    table = table_of(frame, location)
    for name in names:
        check_present(table, name, location)
    selected = tuple(names) or table.names
    if is_pandas(frame):
        values = np.asarray(frame)[:, [table.names.index(name) for name in selected]]
        if values.dtype.kind in "biuf":
            return values, selected
    non_numeric = [name for name in selected if is_categories(table.columns[name])]
    if non_numeric:
        raise DataError(
            f"expected columns of numbers alone, got other things in {listed(non_numeric)}: "
            "fnn.data.from_frame(frame, target) takes frames of both",
            location,
        )
    return np.stack([table.columns[name] for name in selected], axis=1), selected


def _target(
    values: np.ndarray, task: TaskOption, classes: Sequence[str] | None, location: str
) -> Target:
    task = plain_task(task)
    if values.dtype.kind in "OU":
        strings = Table(
            {location: np.array(_without_unit_axis(values).astype(str).tolist(), object)}
        )
        if classes is None:
            return make_target(strings, location, task, location)
        return Target(encode_like(strings, location, tuple(classes), location), tuple(classes))
    target = _numbers(values, location)
    if target.ndim > 1:
        return check_binary(from_matrix(target, task, classes, location), task, location)
    if task == "multilabel":
        raise DataError(f"expected a matrix of 0 and 1, got shape {target.shape}", location)
    requested = task or ("classes" if classes is not None else None)
    if requested == "regression" or (requested is None and not looks_like_classes(target)):
        return Target(target.astype(np.float64), None)
    encoded = check_binary(from_labels(target, classes, location), task, location)
    assert encoded.classes is not None
    many = target.dtype.kind == "f" or len(encoded.classes) > MAX_CLASSES
    assumed = requested is None and many
    return encoded._replace(note=assumed_classes(location, encoded.classes) if assumed else "")


def _numbers(values: np.ndarray, location: str) -> np.ndarray:
    """A target of finite numbers, (n,) where it is (n, 1); bools become 0 and 1."""
    if values.dtype.kind not in "biuf":
        raise DataError(f"expected numbers or strings, got {values.dtype}", location)
    check_finite(values, location, what="targets")
    return _without_unit_axis(values.astype(np.uint8) if values.dtype.kind == "b" else values)


def _as_array(values: ArrayLike, location: str) -> np.ndarray:
    """A NumPy array of numbers or strings. Errors: ragged lists, Python objects, no rows, entries
    that are masked, sparse matrices.
    """
    check_dense(values, location)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"expected an array, got lists of different lengths ({error})", location
        ) from None
    if array.dtype == object and not all(isinstance(value, str) for value in array.flat):
        type_name = next(type(value).__name__ for value in array.flat if not isinstance(value, str))
        raise DataError(f"expected an array of numbers, got Python objects ({type_name})", location)
    if not array.shape or not array.size:
        raise DataError(f"expected rows, got shape {array.shape}", location)
    return array


def _without_unit_axis(target: np.ndarray) -> np.ndarray:
    """A target (n, 1) as (n,); others as they are."""
    return target[:, 0] if target.ndim == 2 and target.shape[1] == 1 else target
