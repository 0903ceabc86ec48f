"""Data that stays on disk: a folder of .npy files, read row by row as it is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fnn.data.arrays import from_arrays
from fnn.data.dataset import DataRows, Dataset
from fnn.data.errors import DataError
from fnn.data.preprocessing.preprocessing import Preprocessing
from fnn.data.targets.target import Asked
from fnn.objective import Batch

FILES = ("x.npy", "y.npy", "x_test.npy", "y_test.npy")


def is_stored(path: Path) -> bool:
    """Whether a folder holds data in this form."""
    return (path / FILES[0]).is_file()


def load_folder(path: Path, *, task: Asked = None) -> Dataset:
    """The arrays x.npy and y.npy of a folder, x_test.npy and y_test.npy if there.

    Inputs (uint8, float32 or float64) are memory-mapped: what trains on them reads chunks, so they
    may be larger than memory. Targets are read whole. Errors: missing or damaged files, other
    types, and those of `from_arrays`.
    """
    x, y, x_test, y_test = (path / name for name in FILES)
    if x_test.exists() != y_test.exists():
        raise DataError("expected both x_test.npy and y_test.npy, or neither", str(path))
    test = (_mapped(x_test), read_array(y_test)) if x_test.exists() else None
    made = from_arrays(_mapped(x), read_array(y), name=path.resolve().name, test=test, task=task)
    return replace(made, on_disk=True)


def _mapped(path: Path) -> np.ndarray:
    array = read_array(path, "r")
    if array.dtype not in (np.uint8, np.float32, np.float64):
        raise DataError(f"expected uint8, float32 or float64, got {array.dtype}", str(path))
    return array


def read_array(path: Path, mode: Any = None) -> np.ndarray:
    """The array of an .npy file, or a view of the file with a `mode` of `numpy.memmap`.

    Errors: no such file, a damaged one, Python objects.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode=mode, allow_pickle=False)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", str(path)) from error
    except (ValueError, EOFError) as error:
        raise DataError(f"no array can be read from it: {error}", str(path)) from error
    return array


class View:
    """Some rows of an array, which are read when a slice of them is asked for."""

    def __init__(self, array: np.ndarray, index: np.ndarray) -> None:
        self.array, self.index = array, index
        self.shape, self.dtype = (len(index), *array.shape[1:]), array.dtype
        self.ndim = array.ndim

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        found: np.ndarray = self.array[self.index[rows]]
        return found


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Rows that are read by number and encoded on the way (`fnn.training.Rows`)."""

    inputs: Any
    """a `View`, or the memory-mapped array itself"""
    target: np.ndarray
    """encoded, one a row"""
    preprocessing: Preprocessing

    @classmethod
    def of(cls, rows: DataRows, preprocessing: Preprocessing) -> StoredRows:
        """Rows of a dataset on disk."""
        return cls(rows.inputs, preprocessing.encode_target(rows.target), preprocessing)

    def __len__(self) -> int:
        return len(self.target)

    def read(self, index: np.ndarray) -> Batch:
        """The rows of those numbers, in that order."""
        x: Any = self.preprocessing.encode(self.inputs[index])
        target: Any = self.target[index]
        return Batch(x, target)
