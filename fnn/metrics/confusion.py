"""The confusion matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn.spec import FnnError, ShapeError


def confusion(predicted: ArrayLike, target: ArrayLike, classes: int) -> NDArray[np.intp]:
    """Counts (C, C): row t, column p holds the rows of class t that are predicted as class p.

    Both are class numbers (N,), or scores and probabilities (N, C) of which the largest wins; for
    the output of a binary network use `fnn.metrics.predicted`. In NumPy, for reports.
    Raises `ShapeError` for shapes that do not fit, `FnnError` for a number outside 0 … C − 1.
    """
    columns = _numbers(np.asarray(predicted), classes, "predicted")
    rows = _numbers(np.asarray(target), classes, "target")
    if columns.shape != rows.shape:
        raise ShapeError(f"{columns.size} rows are predicted, the target has {rows.size}")
    return np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


def _numbers(values: np.ndarray, classes: int, path: str) -> NDArray[np.intp]:
    if values.ndim == 2 and values.shape[1] == classes:
        return values.argmax(-1)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        expected = f"class numbers (N,) or scores (N, {classes})"
        raise ShapeError(f"expected {expected}, got {values.dtype} of shape {values.shape}", path)
    outside = np.flatnonzero((values < 0) | (values >= classes))
    if outside.size:
        got = f"{values[outside[0]]} at row {outside[0]}"
        raise FnnError(f"expected classes 0 … {classes - 1}, got {got}", path)
    return values.astype(np.intp)
