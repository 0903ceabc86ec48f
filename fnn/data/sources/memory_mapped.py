"""Data that stays on disk: a folder of .npy files, memory-mapped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from fnn.data.arrays import from_arrays
from fnn.data.dataset import Dataset
from fnn.data.errors import DataError
from fnn.data.sources.whole_files import numpy_errors
from fnn.data.targets.target import TaskOption

FILES = ("x.npy", "y.npy", "x_test.npy", "y_test.npy")


def is_array_folder(path: Path) -> bool:
    """Whether a folder holds data as .npy files."""
    return (path / FILES[0]).is_file()


def load_folder(path: Path, *, task: TaskOption = None) -> Dataset:
    """The arrays x.npy and y.npy of a folder, x_test.npy and y_test.npy if there.

    Inputs (uint8, float32 or float64) are memory-mapped: training reads them in chunks, so they
    may be larger than memory. Targets are read at once. Errors: missing or damaged files, other
    types, and those of `from_arrays`.
    """
    x, y, x_test, y_test = (path / name for name in FILES)
    if x_test.exists() != y_test.exists():
        raise DataError("expected both x_test.npy and y_test.npy, or neither", str(path))
    test = (_mapped(x_test), read_array(y_test)) if x_test.exists() else None
    name = path.resolve().name
    dataset = from_arrays(_mapped(x), read_array(y), name=name, test=test, task=task)
    return replace(dataset, on_disk=True)


def _mapped(path: Path) -> np.ndarray:
    array = read_array(path, "r")
    if array.dtype not in (np.uint8, np.float32, np.float64):
        raise DataError(f"expected uint8, float32 or float64, got {array.dtype}", str(path))
    return array


def read_array(path: Path, mode: Literal["r"] | None = None) -> np.ndarray:
    """The array of an .npy file, or with `mode` "r" a view of the file.

    Errors: no such file, a damaged one, Python objects.
    """
    with numpy_errors(path, "no array"):
        array = np.load(path, mmap_mode=mode, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise DataError("expected the array of an .npy file, got an .npz file", str(path))
    return array
