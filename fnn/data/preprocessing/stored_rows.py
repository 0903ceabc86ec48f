"""Rows of data on disk, read and encoded as they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from fnn.data.dataset import DataRows, RowArray
from fnn.data.preprocessing.preprocessing import Preprocessing
from fnn.objective import Batch


class RowView:
    """Some rows of an array, by number; they are read when the view is indexed."""

    def __init__(self, array: np.ndarray, index: np.ndarray) -> None:
        self.array, self.index = array, index
        self.shape, self.dtype = (len(index), *array.shape[1:]), array.dtype
        self.ndim = array.ndim

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        selected: np.ndarray = self.array[self.index[rows]]
        return selected


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Rows that are read by number and then encoded (`fnn.training.rows.RowReader`)."""

    inputs: RowArray
    """a `RowView`, or the memory-mapped array itself"""
    target: np.ndarray
    """encoded, one a row"""
    preprocessing: Preprocessing

    @classmethod
    def of(cls, rows: DataRows, preprocessing: Preprocessing) -> StoredRows:
        """Rows of a dataset on disk."""
        return cls(
            cast(RowArray, rows.inputs), preprocessing.encode_target(rows.target), preprocessing
        )

    def __len__(self) -> int:
        return len(self.target)

    def read(self, index: np.ndarray) -> Batch:
        """The rows of those numbers, in that order."""
        target: Any = self.target[index]
        return Batch(self.preprocessing.encode(self.inputs[index]), target)
