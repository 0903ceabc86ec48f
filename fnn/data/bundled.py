"""The small sets that scikit-learn brings along: no download."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import Dataset
from fnn.data.errors import DataError

FILES = {
    "breast_cancer": "breast_cancer.csv",
    "digits": "digits.csv.gz",
    "iris": "iris.csv",
    "wine": "wine_data.csv",
}
BUNDLED = tuple(FILES)


def bundled(name: str) -> Dataset:
    """The set of that name: pixels of digits in [0, 1], all other inputs in their own units.

    Read from scikit-learn's own file, because importing scikit-learn takes a second, which is
    longer than such a set takes to train; where the file has moved, through scikit-learn.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError(
            f"{name} comes with scikit-learn, which is not installed: pip install 'fnn[data]'"
        )
    file = Path(package.origin).parent / "datasets" / "data" / FILES[name]
    x, target = _read(file, name) if file.is_file() else _ask(name)
    pixels = name == "digits"
    classes = int(target.max()) + 1
    x = x / 16 if pixels else x
    return Dataset(name, x.astype(np.float32), target.astype(np.int32), classes, pixels=pixels)


def _read(file: Path, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows of inputs with the class number at their end, below a header except for digits."""
    table = np.loadtxt(file, delimiter=",", skiprows=0 if name == "digits" else 1)
    return table[:, :-1], table[:, -1]


def _ask(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    return data.data, data.target
