"""scikit-learn's file of handwritten digits, read without importing scikit-learn (a second)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """1,437 rows to train on, x and y, and 360 to test."""
    package = importlib.util.find_spec("sklearn")
    assert package is not None and package.origin is not None
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    table = np.random.default_rng(0).permutation(table)
    x, y = table[:, :-1] / 16, table[:, -1].astype(np.int32)
    return x[:1437], y[:1437], x[1437:], y[1437:]
