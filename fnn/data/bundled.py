"""The small sets that scikit-learn brings along: no download."""

from __future__ import annotations

import numpy as np

from fnn.data.dataset import Dataset
from fnn.data.errors import DataError

BUNDLED = ("breast_cancer", "digits", "iris", "wine")


def bundled(name: str) -> Dataset:
    """The set of that name, inputs in their original units."""
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        raise DataError(
            f"{name} comes with scikit-learn, which is not installed: pip install 'fnn[data]'"
        ) from error
    data = getattr(datasets, f"load_{name}")()
    x, target = data.data.astype(np.float32), data.target.astype(np.int32)
    return Dataset(name, x, target, len(data.target_names))
