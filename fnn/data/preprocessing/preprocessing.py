"""The encoding of inputs and target, fitted to the training rows and saved with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fnn.data.dataset import Dataset, Inputs, check_dense, check_finite, check_inputs
from fnn.data.errors import DataError, check_names
from fnn.data.json_fields import JsonObject, field, names
from fnn.data.preprocessing.scaling import Divisor, Standardizer
from fnn.data.preprocessing.tables import TableEncoder, fit_table
from fnn.data.tables.csv_reader import TextFormat
from fnn.data.tables.frames import is_frame, table_of
from fnn.data.tables.table import Table, is_categories
from fnn.data.targets.encoding import Classes, Labels, Numbers
from fnn.spec import error_path

if TYPE_CHECKING:
    from fnn.losses.loss import Task

KIND = "preprocessing.v1"
Part = TypeVar("Part", Divisor | Standardizer | TableEncoder, Classes | Labels | Numbers)
Encoder: TypeAlias = Divisor | Standardizer | TableEncoder
ENCODERS: dict[str, type[Encoder]] = {
    "divisor": Divisor,
    "standardizer": Standardizer,
    "table": TableEncoder,
}
TargetEncoding: TypeAlias = Classes | Labels | Numbers
TARGET_ENCODINGS: dict[str, type[TargetEncoding]] = {
    "classes": Classes,
    "labels": Labels,
    "values": Numbers,
}


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """From raw inputs and targets to those of a network, and from its outputs back.

    Fitted by `prepare` on the training rows alone.
    """

    encoder: Encoder
    target_encoding: TargetEncoding
    target_name: str = "target"
    columns: tuple[str, ...] = ()
    """names of the inputs of an array (n, I), where they have any"""
    text: TextFormat | None = None
    """the format of the text file of the training rows"""
    notes: tuple[str, ...] = ()
    """defaults that were chosen for the user: dropped columns, unforeseen values, the task"""

    @classmethod
    def fit(cls, dataset: Dataset, rows: Inputs, target: np.ndarray) -> Preprocessing:
        """Fit to some rows of a dataset. Errors: no column is of use, a constant target."""
        notes = dataset.notes
        encoder: Encoder
        if isinstance(rows, Table):
            encoder, dropped = fit_table(rows)
            notes = (*notes, *dropped)
        elif dataset.divisor is not None:
            encoder = Divisor(float(dataset.divisor), rows.shape[1:])
        else:
            encoder = Standardizer.fit(rows)
        target_encoding: TargetEncoding
        if dataset.labels is not None:
            target_encoding = Labels(dataset.labels)
        elif dataset.classes is None:
            target_encoding = Numbers.fit(target, dataset.target_name)
        else:
            target_encoding = Classes(dataset.classes)
        return cls(
            encoder, target_encoding, dataset.target_name, dataset.columns, dataset.text, notes
        )

    @property
    def task(self) -> Task:
        """binary (yes/no labels too), classes or regression."""
        return self.target_encoding.task

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes in the order of their numbers; None for regression and labels."""
        return self.target_encoding.names if isinstance(self.target_encoding, Classes) else None

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Names of yes/no labels, of which a row has any number; None for other targets."""
        return self.target_encoding.names if isinstance(self.target_encoding, Labels) else None

    @property
    def outputs(self) -> int:
        """How many outputs the network has: 1 for two classes, C for more, O for regression, K for
        yes/no labels.
        """
        return self.target_encoding.outputs

    @property
    def target_scale(self) -> NDArray[np.float32] | None:
        """The target's standard deviation (O,), for errors in its own units; None for classes."""
        target_encoding = self.target_encoding
        return (
            target_encoding.scale.astype(np.float32)
            if isinstance(target_encoding, Numbers)
            else None
        )

    @property
    def in_shape(self) -> tuple[int, ...]:
        """The shape of one encoded row."""
        return self.encoder.out_shape

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each encoded input of a row, in row-major order."""
        if isinstance(self.encoder, TableEncoder):
            return self.encoder.features
        if self.columns:
            return self.columns
        sizes = product(*map(range, self.in_shape))
        return tuple(f"x[{', '.join(map(str, index))}]" for index in sizes)

    def encode(
        self, inputs: object, *, unknown: Literal["error", "zeros"] = "error"
    ) -> NDArray[np.float32]:
        """Network inputs float32 (n, I) or (n, …) of an array, a table or a pandas frame.

        A value that training rows do not foresee (an unknown category, a missing number where none
        was missing) is an error; with `unknown="zeros"` a category becomes zeros and a missing
        number the median. Other errors: missing columns, other shapes, NaN in arrays, infinite
        values.
        """
        if unknown not in ("error", "zeros"):
            raise DataError(f"expected error or zeros, got {unknown!r}", "unknown")
        raw = _as_inputs(inputs)
        encoded, unforeseen = self.encode_leniently(raw)
        if unknown == "error" and isinstance(self.encoder, TableEncoder):
            self.encoder.check_foreseen(raw, unforeseen)
        return encoded

    def encode_leniently(self, inputs: object) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Network inputs, and by column how many of its values were not foreseen."""
        raw = _as_inputs(inputs)
        check_inputs(raw, "inputs", self.columns)
        unforeseen: dict[str, int] = {}
        with np.errstate(over="ignore"):
            if isinstance(self.encoder, TableEncoder):
                if not isinstance(raw, Table):
                    raise DataError("expected a table of named columns, got an array", "inputs")
                encoded, unforeseen = self.encoder(raw)
            else:
                encoded = self.encoder(self._array(raw))
        if isinstance(raw, Table) or raw.dtype.kind == "f":
            names = self.feature_names if encoded.ndim == 2 else ()
            check_finite(encoded, "inputs", names, what="float32 inputs once they are scaled")
        return encoded, unforeseen

    def encode_target(self, target: ArrayLike) -> NDArray[np.int32] | NDArray[np.float32]:
        """Class numbers int32 (n,), standardized numbers float32 (n,) or (n, O), labels (n, K)."""
        check_dense(target, "target")
        return self.target_encoding.encode(np.asarray(target))

    def decode(self, output: ArrayLike) -> np.ndarray:
        """Classes' names (n,) of logits, numbers in the target's own units (n,) or (n, O), or
        labels 0 and 1 (n, K).
        """
        return self.target_encoding.decode(np.asarray(output))

    def probabilities(self, output: ArrayLike) -> NDArray[np.float64]:
        """Of each class, (n, C), from logits; two classes have two columns; of each label, (n, K).
        Errors: regression.
        """
        return self.target_encoding.probabilities(np.asarray(output))

    def to_json(self) -> JsonObject:
        """Plain JSON: objects, lists, strings and numbers that keep every bit."""
        text = self.text
        return {
            "kind": KIND,
            "inputs": self.encoder.to_json(),
            "target": self.target_encoding.to_json(),
            "target_name": self.target_name,
            "columns": list(self.columns),
            "text": None if text is None else text._asdict(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: object) -> Preprocessing:
        """The inverse of `to_json`. `DataError` names the field that is missing or damaged."""
        if (kind := field(data, "kind", str)) != KIND:
            raise DataError(f"expected {KIND}, got {kind!r}", "kind")
        with error_path("inputs"):
            encoder: Encoder = _part(data, "inputs", ENCODERS)
        with error_path("target"):
            target_encoding: TargetEncoding = _part(data, "target", TARGET_ENCODINGS)
        with error_path("text"):
            text = _text(field(data, "text", (dict, type(None))))
        columns = names(data, "columns")
        name = field(data, "target_name", str)
        return cls(encoder, target_encoding, name, columns, text, names(data, "notes"))

    def _array(self, inputs: Inputs) -> np.ndarray:
        """An array of numbers; of a table the columns by name, or all in their order where it has
        none of the names.
        """
        if isinstance(inputs, Table):
            columns = inputs.columns
            if not columns.keys().isdisjoint(self.columns):
                check_names(inputs.names, self.columns, "inputs")
                columns = {name: columns[name] for name in self.columns}
            for name, values in columns.items():
                if is_categories(values):
                    raise DataError("expected numbers, got categories", f"column {name}")
            return np.stack(list(columns.values()), axis=1)
        if inputs.dtype.kind not in "biuf":
            raise DataError(f"expected numbers, got {inputs.dtype}", "inputs")
        return inputs


def _as_inputs(inputs: object) -> Inputs:
    """A table, or a frame as one; anything else as an array."""
    if isinstance(inputs, Table):
        return inputs
    if is_frame(inputs):
        return table_of(inputs, "inputs")
    check_dense(inputs, "inputs")
    return np.asarray(inputs)


def _part(data: object, name: str, kinds: Mapping[str, type[Part]]) -> Part:
    """data[name], read by the class that its kind names."""
    part = field(data, name, dict)
    kind = field(part, "kind", str)
    if kind not in kinds:
        raise DataError(f"expected one of {', '.join(kinds)}, got {kind!r}", "kind")
    return kinds[kind].from_json(part)


def _text(data: object) -> TextFormat | None:
    if data is None:
        return None
    delimiter, header = field(data, "delimiter", str), field(data, "header", bool)
    return TextFormat(delimiter, header, names(data, "missing"), names(data, "columns"))
