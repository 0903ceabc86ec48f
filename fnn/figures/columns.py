"""Arrays of one number a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fnn.spec import ShapeError


def as_column(values: ArrayLike, path: str) -> np.ndarray:
    """Values (N,) or (N, 1) as floats (N,). Raises `ShapeError` with the path for other shapes."""
    array = np.asarray(values, float)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ShapeError(f"expected shape (N,) or (N, 1), got {array.shape}", path)
    return array
