"""The small data sets that come with scikit-learn: no download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fnn.data.dataset import Dataset
from fnn.data.errors import DataError

CELL_MEASURES = (
    "radius,texture,perimeter,area,smoothness,compactness,concavity,concave points,symmetry"
)
CELL_MEASURES += ",fractal dimension"
CELL_STATISTICS = ("mean {}", "{} error", "worst {}")
WINE = (
    "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids "
    "nonflavanoid_phenols proanthocyanins color_intensity hue od280/od315_of_diluted_wines proline"
)


class Bundled(NamedTuple):
    """A set's files, and the facts that they do not hold."""

    file: str
    rows: int
    columns: tuple[str, ...]
    classes: tuple[str, ...] | None
    divisor: float | None = None
    delimiter: str | None = ","
    header: int = 1
    target: str | None = None
    """the file of the target, where it has one of its own"""


BUNDLED = {
    "breast_cancer": Bundled(
        "breast_cancer.csv",
        569,
        tuple(
            statistic.format(measure)
            for statistic in CELL_STATISTICS
            for measure in CELL_MEASURES.split(",")
        ),
        ("malignant", "benign"),
    ),
    "diabetes": Bundled(
        "diabetes_data_raw.csv.gz",
        442,
        ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
        None,
        delimiter=None,
        header=0,
        target="diabetes_target.csv.gz",
    ),
    "digits": Bundled(
        "digits.csv.gz",
        1797,
        tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        tuple("0123456789"),
        divisor=16.0,
        header=0,
    ),
    "iris": Bundled(
        "iris.csv",
        150,
        ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
        ("setosa", "versicolor", "virginica"),
    ),
    "wine": Bundled("wine_data.csv", 178, tuple(WINE.split()), ("class_0", "class_1", "class_2")),
}


def bundled(name: str) -> Dataset:
    """The set of that name, in its own units (diabetes too, which scikit-learn scales).

    Read from scikit-learn's own file, because importing scikit-learn takes a second, which is
    longer than such a set takes to train; where the file has moved, through scikit-learn.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError(
            f"{name} comes with scikit-learn, which is not installed: pip install 'fnn[data]'"
        )
    entry = BUNDLED[name]
    folder = Path(package.origin).parent / "datasets" / "data"
    x, target = (
        _read(folder, entry) if (folder / entry.file).is_file() else _load_with_sklearn(name)
    )
    return Dataset(
        name,
        x,
        target.astype(np.float64 if entry.classes is None else np.int32),
        entry.classes,
        divisor=entry.divisor,
        columns=entry.columns,
    )


def _read(folder: Path, entry: Bundled) -> tuple[np.ndarray, np.ndarray]:
    """Rows of inputs with the target at their end, or in a file of its own."""
    table = np.loadtxt(folder / entry.file, delimiter=entry.delimiter, skiprows=entry.header)
    if entry.target is None:
        return table[:, :-1], table[:, -1]
    return table, np.loadtxt(folder / entry.target)


def _load_with_sklearn(name: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    data = getattr(datasets, f"load_{name}")(**options)
    return data.data, data.target
