"""Which class is taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn.spec import FnnError, ShapeError


def confusion(predicted: Any, target: Any, classes: int) -> NDArray[np.intp]:
    """Counts (C, C): row t, column p holds the rows of class t that are taken for class p.

    Both are class numbers (N,), or scores and probabilities (N, C) whose largest counts; what the
    output of a binary network says, `fnn.metrics.predicted` tells. In NumPy, for reports.
    Raises `ShapeError` for shapes that do not fit, `FnnError` for a number outside 0 … C − 1.
    """
    chosen = _numbers(np.asarray(predicted), classes, "predicted")
    true = _numbers(np.asarray(target), classes, "target")
    if chosen.shape != true.shape:
        raise ShapeError(f"{chosen.size} rows are predicted, the target has {true.size}")
    return np.bincount(true * classes + chosen, minlength=classes**2).reshape(classes, classes)


def _numbers(values: np.ndarray, classes: int, place: str) -> NDArray[np.intp]:
    if values.ndim == 2 and values.shape[1] == classes:
        return values.argmax(-1)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        wanted = f"class numbers (N,) or scores (N, {classes})"
        raise ShapeError(f"expected {wanted}, got {values.dtype} of shape {values.shape}", place)
    wrong = np.flatnonzero((values < 0) | (values >= classes))
    if wrong.size:
        got = f"{values[wrong[0]]} at row {wrong[0]}"
        raise FnnError(f"expected classes 0 … {classes - 1}, got {got}", place)
    return values.astype(np.intp)
