"""Arrays of inputs to network inputs: one scale for all, or one for each column."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import TOO_LARGE, RowArray, check_finite, row_blocks
from fnn.data.errors import DataError
from fnn.data.json_fields import JsonObject, field, numbers, scales


class Standardizer(NamedTuple):
    """x ↦ (x - mean) / scale by column, in float64, given back as float32.

    `scale` is the standard deviation over the rows (divided by their number, as scikit-learn's
    StandardScaler does it), and 1 for a constant column, which becomes 0. Numbers that differ by
    rounding alone (`within_rounding`) are constant.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, x: RowArray) -> Standardizer:
        """Mean and deviation of the columns, in two passes over blocks of rows.

        Errors: no rows; values that are not finite.
        """
        if x.ndim < 2 or not len(x):
            raise DataError(f"expected rows of inputs to fit to, got shape {x.shape}")
        check_finite(x, "", what="inputs to fit to")
        first_row = x[:1][0]
        with np.errstate(over="ignore"):
            mean = sum(block.sum(axis=0, dtype=np.float64) for block in row_blocks(x)) / len(x)
            squares = sum(((block - mean) ** 2).sum(axis=0) for block in row_blocks(x))
        scale = np.sqrt(squares / len(x))
        check_finite(scale[None], "", what=TOO_LARGE)
        low = np.min([block.min(axis=0) for block in row_blocks(x)], axis=0)
        high = np.max([block.max(axis=0) for block in row_blocks(x)], axis=0)
        constant = _are_constant(x, low, high) | (scale == 0)
        return cls(np.where(constant, first_row, mean), np.where(constant, 1.0, scale))

    def __call__(self, x: np.ndarray) -> NDArray[np.float32]:
        """Rows of any number, standardized. Errors: other shapes than were fitted."""
        check_rows(x, self.mean.shape)
        y = x - self.mean
        y /= self.scale
        out = _empty(x.shape)
        out[...] = y
        return out

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of an encoded row: that of a raw one."""
        return self.mean.shape

    def to_json(self) -> JsonObject:
        """Plain JSON, every bit kept."""
        return {"kind": "standardizer", "mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: object) -> Standardizer:
        """The inverse of `to_json`. Errors name the field that is missing or damaged."""
        mean = numbers(data, "mean")
        return cls(mean, scales(data, "scale", mean.shape))


def within_rounding(low: np.ndarray, high: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Whether numbers from `low` to `high` may be one number, computed in several ways: 0.3 and
    0.1 + 0.2. That is, within 16 roundings of float64, or 2 of float32, relative to the larger.

    Whole numbers that a float holds exactly are not rounded: that they are whole is to be checked.
    """
    if dtype.kind != "f":
        return np.asarray(low == high)
    roundings = 2 if dtype == np.float32 else 16
    with np.errstate(over="ignore"):
        spread = high.astype(np.float64) - low
        largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    return np.asarray(spread <= roundings * np.finfo(dtype).eps * largest)


def is_whole(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Whether numbers are whole, and small enough to be exactly so in their dtype."""
    exact = 2 / np.finfo(values.dtype).eps
    return np.asarray(((values == np.round(values)) & (np.abs(values) <= exact)).all(axis=axis))


def _are_constant(x: RowArray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    constant = within_rounding(low, high, x.dtype)
    if x.dtype.kind != "f" or np.array_equal(constant, low == high):
        return constant
    whole = np.all([is_whole(block) for block in row_blocks(x)], axis=0)
    return (low == high) | (constant & ~whole)


def is_constant(values: np.ndarray) -> bool:
    """Whether a column of float64 numbers is constant, rounding aside."""
    low, high = values.min(), values.max()
    return bool(low == high or (within_rounding(low, high, values.dtype) and not is_whole(values)))


@dataclass(frozen=True)
class Divisor:
    """x ↦ x / divisor, in float32: inputs that share one scale, such as pixels."""

    divisor: float
    out_shape: tuple[int, ...]
    """the shape of an encoded row: that of a raw one"""

    def __call__(self, x: np.ndarray) -> NDArray[np.float32]:
        """Rows of any number. Errors: other shapes."""
        check_rows(x, self.out_shape)
        y = _empty(x.shape)
        y[...] = x  # np.divide with dtype=float32 takes ten times as long
        y /= np.float32(self.divisor)
        return y

    def to_json(self) -> JsonObject:
        """Plain JSON, every bit kept."""
        return {"kind": "divisor", "divisor": self.divisor, "shape": list(self.out_shape)}

    @classmethod
    def from_json(cls, data: object) -> Divisor:
        """The inverse of `to_json`. Errors name the field that is missing or damaged."""
        shape = field(data, "shape", list)
        if not shape or not all(type(size) is int and size > 0 for size in shape):
            raise DataError(f"expected sizes, got {shape}", "shape")
        return cls(scales(data, "divisor", ()).item(), tuple(shape))


def check_rows(x: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise `DataError` where rows have another shape than the fitted ones."""
    if x.ndim != len(shape) + 1 or x.shape[1:] != shape:
        expected = ", ".join(map(str, ("rows", *shape)))
        raise DataError(f"expected inputs of shape ({expected}), got {x.shape}", "inputs")


def _empty(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An array at an address that JAX on a CPU uses as it is; NumPy's own arrays it copies."""
    size, align = 4 * math.prod(shape), 64
    buffer = np.empty(size + align, np.uint8)
    start = -buffer.ctypes.data % align
    return buffer[start : start + size].view(np.float32).reshape(shape)
