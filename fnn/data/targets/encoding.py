"""Targets as a network is trained on them, and its outputs back as classes or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import TOO_LARGE, check_answers, check_finite
from fnn.data.errors import DataError
from fnn.data.json_fields import JsonObject, field, names, numbers, scales
from fnn.data.preprocessing.scaling import is_constant

if TYPE_CHECKING:
    from fnn.losses.loss import Task


@dataclass(frozen=True)
class Classes:
    """Class numbers; outputs are logits, (n, C) or for two classes (n, 1) or (n,)."""

    names: tuple[str, ...]

    @property
    def task(self) -> Task:
        """binary or classes."""
        return "binary" if len(self.names) == 2 else "classes"

    @property
    def outputs(self) -> int:
        """How many logits a row has."""
        return 1 if len(self.names) == 2 else len(self.names)

    def encode(self, target: np.ndarray) -> NDArray[np.int32]:
        """int32 class numbers (n,). Errors: other numbers than the classes have."""
        if target.ndim != 1 or target.dtype.kind not in "iu":
            raise DataError(
                f"expected a class number a row, got {target.dtype} of shape {target.shape}",
                "target",
            )
        unknown = np.flatnonzero((target < 0) | (target >= len(self.names)))
        if unknown.size:
            raise DataError(
                f"expected class numbers from 0 to {len(self.names) - 1}, "
                f"got {target[unknown[0]]} in row {unknown[0]}",
                "target",
            )
        return target.astype(np.int32)

    def decode(self, output: np.ndarray) -> np.ndarray:
        """The likeliest class of each row, as an array of str (n,)."""
        return np.array(self.names)[self.probabilities(output).argmax(-1)]

    def probabilities(self, output: np.ndarray) -> NDArray[np.float64]:
        """Softmax of logits (n, C); of one logit (n, 1) or (n,) its sigmoid, the second of two
        columns.
        """
        logits = _rows(output, self.outputs)
        if len(self.names) == 2:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True)

    def to_json(self) -> JsonObject:
        """Plain JSON."""
        return {"kind": "classes", "names": list(self.names)}

    @classmethod
    def from_json(cls, data: object) -> Classes:
        """The inverse of `to_json`. Errors name the field that is missing or damaged."""
        values = names(data, "names")
        if len(values) < 2 or len(set(values)) < len(values):
            raise DataError("expected at least two classes, all different", "names")
        return cls(values)


@dataclass(frozen=True)
class Labels:
    """Yes/no labels, of which a row has any number; outputs are logits (n, K)."""

    names: tuple[str, ...]
    task: Task = "binary"

    @property
    def outputs(self) -> int:
        """How many logits a row has."""
        return len(self.names)

    def encode(self, target: np.ndarray) -> NDArray[np.float32]:
        """float32 0 and 1 (n, K). Errors: other numbers, other shapes."""
        check_answers(target, len(self.names), "target")
        return target.astype(np.float32)

    def decode(self, output: np.ndarray) -> NDArray[np.int32]:
        """1 where a label is likelier than not, else 0: int32 (n, K)."""
        return (_rows(output, self.outputs) > 0).astype(np.int32)

    def probabilities(self, output: np.ndarray) -> NDArray[np.float64]:
        """The sigmoid of each logit, (n, K): a row's need not sum to 1."""
        logits = _rows(output, self.outputs)
        small = np.exp(-np.abs(logits))
        return np.where(logits < 0, small, 1.0) / (1 + small)

    def to_json(self) -> JsonObject:
        """Plain JSON."""
        return {"kind": "labels", "names": list(self.names)}

    @classmethod
    def from_json(cls, data: object) -> Labels:
        """The inverse of `to_json`. Errors name the field that is missing or damaged."""
        return cls(names(data, "names"))


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers, standardized over the training rows: (target - mean) / scale."""

    mean: NDArray[np.float64]
    """(O,)"""
    scale: NDArray[np.float64]
    """(O,), standard deviations in the target's own units"""
    vector: bool
    """whether a target is one number a row, (n,) rather than (n, O)"""
    task: Task = "regression"

    @property
    def outputs(self) -> int:
        """How many numbers a row has."""
        return len(self.mean)

    @classmethod
    def fit(cls, target: np.ndarray, name: str = "target") -> Numbers:
        """Mean and deviation of a target (n,) or (n, O). Errors: a constant one."""
        columns = target.reshape(len(target), -1).astype(np.float64)
        with np.errstate(over="ignore"):
            scale = columns.std(axis=0)
        check_finite(scale[None], name, what=TOO_LARGE)
        constant = np.array([is_constant(column) for column in columns.T]) | (scale == 0)
        if constant.any():
            value = columns[0, constant.argmax()]
            which = "" if target.ndim == 1 else f"output {int(constant.argmax())} of "
            raise DataError(f"{which}the target is {value:g} in all training rows", name)
        return cls(columns.mean(axis=0), scale, target.ndim == 1)

    def encode(self, target: np.ndarray) -> NDArray[np.float32]:
        """float32 standardized numbers, (n,) or (n, O) as in fitting. Errors: other shapes."""
        if target.shape[1:] != (() if self.vector else self.mean.shape):
            raise DataError(
                f"expected {self.outputs} numbers a row, got shape {target.shape}", "target"
            )
        check_finite(np.asarray(target, np.float64), "target", what="numbers")
        mean, scale = (self.mean[0], self.scale[0]) if self.vector else (self.mean, self.scale)
        with np.errstate(over="ignore"):
            encoded = np.asarray((target - mean) / scale, np.float32)
        check_finite(encoded, "target", what="float32 numbers once they are scaled")
        return encoded

    def decode(self, output: np.ndarray) -> NDArray[np.float64]:
        """Outputs (n, O), or (n,) for one, in the target's own units: (n,) or (n, O)."""
        values = _rows(output, self.outputs) * self.scale + self.mean
        return values[:, 0] if self.vector else values

    def probabilities(self, output: np.ndarray) -> NDArray[np.float64]:
        """Raises `DataError`: a regression has none."""
        raise DataError("a regression has no probabilities")

    def to_json(self) -> JsonObject:
        """Plain JSON, every bit kept."""
        mean, scale = self.mean.tolist(), self.scale.tolist()
        return {"kind": "values", "mean": mean, "scale": scale, "vector": self.vector}

    @classmethod
    def from_json(cls, data: object) -> Numbers:
        """The inverse of `to_json`. Errors name the field that is missing or damaged."""
        mean, vector = numbers(data, "mean"), field(data, "vector", bool)
        if mean.ndim != 1 or not mean.size or (vector and mean.size > 1):
            raise DataError(f"expected one number an output, got shape {mean.shape}", "mean")
        return cls(mean, scales(data, "scale", mean.shape), vector)


def _rows(output: np.ndarray, outputs: int) -> NDArray[np.float64]:
    """Outputs (n, O) in float64; one output may lack its axis. Errors: other shapes, NaN."""
    values = np.asarray(output).astype(np.float64)
    if outputs == 1 and values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] != outputs:
        raise DataError(f"expected outputs of shape (rows, {outputs}), got {values.shape}")
    check_finite(values, "", what="outputs")
    return values
