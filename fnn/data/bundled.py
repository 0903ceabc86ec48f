"""The small sets that scikit-learn brings along: no download."""

from __future__ import annotations

import numpy as np

from fnn.data.dataset import Dataset
from fnn.data.errors import DataError

BUNDLED = ("breast_cancer", "digits", "iris", "wine")


def bundled(name: str) -> Dataset:
    """The set of that name: pixels of digits in [0, 1], all other inputs in their own units."""
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        raise DataError(
            f"{name} comes with scikit-learn, which is not installed: pip install 'fnn[data]'"
        ) from error
    data = getattr(datasets, f"load_{name}")()
    x, target = data.data.astype(np.float32), data.target.astype(np.int32)
    pixels = name == "digits"
    return Dataset(name, x / 16 if pixels else x, target, len(data.target_names), pixels=pixels)
