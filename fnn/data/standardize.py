"""Inputs to mean 0 and standard deviation 1, by the training rows alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.data.errors import DataError


class Standardizer(NamedTuple):
    """x ↦ (x - mean) / scale by column, in float64, given back as float32.

    `scale` is the standard deviation over the rows (divided by their number, as scikit-learn's
    StandardScaler does it), and 1 for a constant column, which becomes 0.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, x: np.ndarray) -> Standardizer:
        """Mean and deviation of the columns. Errors: no rows; values that are not finite."""
        if x.ndim < 2 or not len(x):
            raise DataError(f"expected rows of inputs to fit to, got shape {x.shape}")
        bad = ~np.isfinite(x)
        if bad.any():
            column = np.argwhere(bad)[0, 1:].tolist()
            raise DataError(
                f"expected finite values, got {bad.sum()} that are NaN or infinite, "
                f"the first in column {', '.join(map(str, column))}"
            )
        scale = x.std(axis=0, dtype=np.float64)
        constant = (x == x[0]).all(axis=0) | (scale == 0)  # rounding may leave a constant a spread
        mean = np.where(constant, x[0], x.mean(axis=0, dtype=np.float64))
        return cls(mean.astype(np.float64), np.where(constant, 1.0, scale))

    def __call__(self, x: np.ndarray) -> NDArray[np.float32]:
        """Rows of any number, standardised. Errors: other columns than were fitted."""
        if x.shape[1:] != self.mean.shape:
            raise DataError(
                f"expected rows of shape {self.mean.shape} as in fitting, got {x.shape[1:]}"
            )
        y = x - self.mean
        y /= self.scale
        return y.astype(np.float32)
