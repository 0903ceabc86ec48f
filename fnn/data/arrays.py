"""Datasets from arrays, and from .npz files of them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnn.data.dataset import DataRows, Dataset, check_finite
from fnn.data.errors import DataError, listed
from fnn.data.tables.frames import check_present, is_frame, table_of
from fnn.data.tables.table import Table, is_categories
from fnn.data.targets.class_labels import from_labels
from fnn.data.targets.target import (
    Asked,
    Target,
    check_task,
    class_name,
    like,
    looks_like_classes,
    make_target,
    unasked,
)

KEYS = {
    "inputs": ("x", "inputs", "x_train"),
    "target": ("y", "target", "y_train"),
    "test inputs": ("x_test", "test_inputs"),
    "test target": ("y_test", "test_target"),
}
PIXELS = 255.0


def from_arrays(
    x: Any,
    target: Any,
    *,
    name: str = "arrays",
    test: tuple[Any, Any] | None = None,
    task: Asked = None,
    classes: Sequence[str] | None = None,
    divisor: float | None = None,
    columns: Sequence[str] = (),
    target_name: str = "target",
) -> Dataset:
    """A dataset of arrays: NumPy's, JAX's, or lists; inputs (n, I) or (n, …), a target a row.

    Targets are class numbers, strings (the classes' names), or numbers (n,) or (n, O) to predict;
    `targets.make_target` says what is taken for what unless `task` ("classification",
    "regression") or `classes` (names for 0 … C-1) does. uint8 inputs are taken for pixels, divided
    by 255; other numbers are standardized by column, unless a `divisor` is given. `test` is an
    official test part (inputs, target). Inputs may be a pandas frame of numbers alone, which names
    the `columns`; `from_frame` takes frames with other columns.

    Errors name the array, column and row: other types, NaN, infinite values, lengths that don't
    match, labels that are not whole, negative or out of range, a single class.
    """
    if is_frame(x):
        x, columns = _of_frame(x, f"{name}, inputs")
    inputs = make_inputs(x, f"{name}, inputs")
    place = f"{name}, {target_name}"
    made = _target(_plain(target, place), task, classes, place)
    notes = [made.note] if made.note else []
    if inputs.dtype == np.uint8 and divisor is None:
        divisor = PIXELS
        notes.append("uint8 inputs were taken for pixels and divided by 255")
    rows = None
    if test is not None:
        place = f"{name}, test part"
        labels = further(test[1], made.classes, f"{place}, {target_name}")
        more = test[0]
        if is_frame(more):
            more, _ = _of_frame(more, f"{place}, inputs", columns)
        rows = DataRows(make_inputs(more, f"{place}, inputs"), labels)
    return Dataset(
        name,
        inputs,
        made.values,
        made.classes,
        rows,
        divisor,
        target_name,
        tuple(map(str, columns)),
        notes=tuple(notes),
    )


def load_npz(path: Path, *, task: Asked = None, target: str | None = None) -> Dataset:
    """The arrays x and y (or inputs and target) of an .npz file; x_test and y_test if there.

    `target` names another array as the target. Errors: no such file or arrays, damaged files,
    arrays of Python objects, and those of `from_arrays`.
    """
    arrays = read_npz(path)
    inputs = pick(arrays, "inputs", path)
    labels = pick(arrays, "target", path) if target is None else pick(arrays, target, path)
    place = path.name.removesuffix(".npz")
    parts = [find(arrays, part) for part in ("test inputs", "test target")]
    if (parts[0] is None) != (parts[1] is None):
        raise DataError("expected both x_test and y_test, or neither", str(path))
    test = None if parts[0] is None else (parts[0], parts[1])
    return from_arrays(inputs, labels, name=place, test=test, task=task)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz file by name, or the one of an .npy file under x."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}
            return {key: loaded[key] for key in loaded.files}
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", str(path)) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"no arrays of numbers can be read from it: {error}", str(path)) from error


def find(arrays: Mapping[str, np.ndarray], what: str) -> np.ndarray | None:
    """The array of one of the names that `what` goes by, if it is there."""
    for key in KEYS.get(what, (what,)):
        for name, values in arrays.items():
            if name.lower() == key.lower():
                return values
    return None


def pick(arrays: Mapping[str, np.ndarray], what: str, path: Path) -> np.ndarray:
    """The same, or an error that lists what is there."""
    values = find(arrays, what)
    if values is None:
        wanted = " or ".join(KEYS.get(what, (what,)))
        raise DataError(f"no array {wanted} (there are: {', '.join(arrays) or 'none'})", str(path))
    return values


def make_inputs(x: Any, place: str) -> np.ndarray:
    """Numbers (n, I) or (n, …): uint8, float32 and float64 stay, others become float64."""
    values = _plain(x, place)
    if values.dtype.kind not in "biuf":
        raise DataError(f"expected numbers, got {values.dtype}", place)
    if values.ndim < 2:
        raise DataError(
            f"expected a row of inputs for each example, (n, I) or more, got shape {values.shape}",
            place,
        )
    keep = (np.uint8, np.float32, np.float64)
    return values if values.dtype in keep else values.astype(np.float64)


def further(values: Any, classes: tuple[str, ...] | None, place: str) -> np.ndarray:
    """The target of more rows of the same data: numbers of those classes, or float64 numbers."""
    target = _plain(values, place)
    if classes is None:
        return _numbers(target, place).astype(np.float64)
    if target.dtype.kind in "biuf" and classes == tuple(map(str, range(len(classes)))):
        return from_labels(_numbers(target, place), classes, place).values
    names = [v if isinstance(v, str) else class_name(v) for v in _column(target).tolist()]
    return like(Table({place: np.array(names, object)}), place, classes, place)


def _of_frame(
    frame: Any, place: str, names: Sequence[str] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers of a pandas frame (n, I) and its columns' names; `names` picks and orders."""
    table = table_of(frame, place)
    for name in names:
        check_present(table, name, place)
    chosen = tuple(names) or table.names
    values = np.asarray(frame)[:, [table.names.index(name) for name in chosen]]
    if values.dtype.kind in "biuf":
        return values, chosen
    others = [name for name in chosen if is_categories(table.columns[name])]
    if others:
        raise DataError(
            f"expected columns of numbers alone, got other things in {listed(others)}: "
            "fnn.data.from_frame(frame, target) takes frames of both",
            place,
        )
    return np.stack([table.columns[name] for name in chosen], axis=1), chosen


def _target(values: np.ndarray, task: Asked, classes: Sequence[str] | None, place: str) -> Target:
    check_task(task)
    asked = task or ("classification" if classes is not None else None)
    if values.dtype.kind in "OU":
        strings = Table({place: np.array(_column(values).astype(str).tolist(), object)})
        if classes is None:
            return make_target(strings, place, asked, place)
        return Target(like(strings, place, tuple(classes), place), tuple(classes))
    target = _numbers(values, place)
    if target.ndim > 1:
        if asked == "classification" or target.dtype.kind in "bu":
            raise DataError(
                f"expected one class number a row, got shape {target.shape}; "
                "of one-hot rows take argmax(axis=1)",
                place,
            )
        return Target(target.astype(np.float64), None)
    if asked == "regression" or (asked is None and not looks_like_classes(target)):
        return Target(target.astype(np.float64), None)
    made = from_labels(target, classes, place)
    assert made.classes is not None
    unsure = asked is None and target.dtype.kind == "f"
    return made._replace(note=unasked(place, made.classes) if unsure else "")


def _numbers(values: np.ndarray, place: str) -> np.ndarray:
    """A target of finite numbers, (n,) where it is (n, 1); bools become 0 and 1."""
    if values.dtype.kind not in "biuf":
        raise DataError(f"expected numbers or strings, got {values.dtype}", place)
    check_finite(values, place, what="targets")
    return _column(values.astype(np.uint8) if values.dtype.kind == "b" else values)


def _plain(values: Any, place: str) -> np.ndarray:
    """A NumPy array of numbers or strings. Errors: ragged lists, Python objects, no rows."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"expected an array, got lists of different lengths ({error})", place
        ) from None
    if array.dtype == object and not all(isinstance(value, str) for value in array.flat):
        found = next(type(value).__name__ for value in array.flat if not isinstance(value, str))
        raise DataError(f"expected an array of numbers, got Python objects ({found})", place)
    if not array.shape or not array.size:
        raise DataError(f"expected rows, got shape {array.shape}", place)
    return array


def _column(target: np.ndarray) -> np.ndarray:
    """A target (n, 1) is one (n,)."""
    return target[:, 0] if target.ndim == 2 and target.shape[1] == 1 else target
