"""Data in memory: host arrays and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.data.errors import DataError


class Part(NamedTuple):
    """Some rows of a dataset."""

    x: NDArray[np.float32]
    target: NDArray[np.int32] | NDArray[np.float32]


class Parts(NamedTuple):
    """The rows to learn from, to choose by, and to report on; a part may have none."""

    train: Part
    validation: Part
    test: Part


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets by row, as NumPy arrays; `test_x` and `test_target` where the publisher
    set a test part aside.

    `classes` is how many there are, and `target` their numbers 0 … classes-1, one a row; for
    regression `classes` is None and `target` holds numbers. `pixels` says that all inputs share one
    scale, [0, 1]; the columns of other sets have units of their own, to be standardised.

    Errors: rows that do not match, no rows, other dtypes, class numbers out of range.
    """

    name: str
    x: NDArray[np.float32]
    target: NDArray[np.int32] | NDArray[np.float32]
    classes: int | None
    test_x: NDArray[np.float32] | None = None
    test_target: NDArray[np.int32] | NDArray[np.float32] | None = None
    pixels: bool = False

    def __post_init__(self) -> None:
        self._check(self.name, self.x, self.target)
        if self.test_x is None and self.test_target is None:
            return
        place = f"{self.name}, test part"
        if self.test_x is None or self.test_target is None:
            raise DataError("inputs and targets come together, got only one of them", place)
        self._check(place, self.test_x, self.test_target)
        if self.test_x.shape[1:] != self.x.shape[1:]:
            raise DataError(
                f"expected rows of shape {self.x.shape[1:]} as in the training part, "
                f"got {self.test_x.shape[1:]}",
                place,
            )

    @property
    def test(self) -> Part | None:
        """The official test part, where there is one."""
        if self.test_x is None or self.test_target is None:
            return None
        return Part(self.test_x, self.test_target)

    def _check(self, place: str, x: np.ndarray, target: np.ndarray) -> None:
        kind = np.dtype(np.float32 if self.classes is None else np.int32)
        if x.dtype != np.float32 or target.dtype != kind:
            raise DataError(
                f"expected float32 inputs and {kind} targets, got {x.dtype} and {target.dtype}",
                place,
            )
        if x.ndim < 2 or target.ndim < 1 or len(x) != len(target) or not len(x):
            raise DataError(
                "expected as many rows of inputs as of targets, and at least one; "
                f"got shapes {x.shape} and {target.shape}",
                place,
            )
        if self.classes is None:
            return
        if target.ndim != 1:
            raise DataError(
                f"expected one class number a row, got targets of shape {target.shape}", place
            )
        bad = np.flatnonzero((target < 0) | (target >= self.classes))
        if bad.size:
            raise DataError(
                f"expected class numbers from 0 to {self.classes - 1}, "
                f"got {target[bad[0]]} in row {bad[0]} ({bad.size} out of range in all)",
                place,
            )
