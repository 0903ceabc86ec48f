"""Arrays of class numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fnn.data.errors import DataError
from fnn.data.targets.target import Target, class_name


def from_labels(target: np.ndarray, classes: Sequence[str] | None, location: str) -> Target:
    """Classes from an array (n,) of whole numbers.

    With names the numbers are 0 … C-1; without, they may begin anywhere from 0 up but leave none
    out, or be -1 and 1. Errors: numbers that are not whole, negative or out of range, with the row.
    """
    integral = target == np.round(target)
    _refuse(target, ~integral, "whole numbers as labels", location)
    if classes is not None:
        high = len(classes) - 1
        _refuse(target, (target < 0) | (target > high), f"labels from 0 to {high}", location)
        return Target(target.astype(np.int32), tuple(map(str, classes)))
    distinct, numbers = np.unique(target, return_inverse=True)
    if distinct.tolist() != [-1, 1]:
        _refuse(target, target < 0, "labels from 0 up", location)
        gaps = np.flatnonzero(np.diff(distinct) != 1)
        if gaps.size:
            low, high = distinct[gaps[0] : gaps[0] + 2]
            raise DataError(
                f"labels out of range: no row has one between {low:g} and {high:g} "
                f"(in row {int((target == high).argmax())}); give the names of all classes, labels "
                "as strings, or task='regression'",
                location,
            )
    return Target(numbers.astype(np.int32), tuple(map(class_name, distinct)))


def _refuse(target: np.ndarray, invalid: np.ndarray, expected: str, location: str) -> None:
    if invalid.any():
        row = int(invalid.argmax())
        others = f" ({invalid.sum()} such rows in all)" if invalid.sum() > 1 else ""
        raise DataError(f"expected {expected}, got {target[row]:g} in row {row}{others}", location)
