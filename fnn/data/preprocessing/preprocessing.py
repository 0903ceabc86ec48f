"""What the training rows said about inputs and target: kept with the model, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import Dataset, Inputs, check_finite, check_inputs
from fnn.data.errors import DataError, check_names
from fnn.data.json_fields import field, names
from fnn.data.preprocessing.scaling import Divisor, Standardizer
from fnn.data.preprocessing.tables import TableEncoder, fit_table
from fnn.data.tables.csv_reader import TextFormat
from fnn.data.tables.frames import is_frame, table_of
from fnn.data.tables.table import Table, is_categories
from fnn.data.targets.encoding import Classes, Numbers
from fnn.spec import error_path

if TYPE_CHECKING:
    from fnn.losses.loss import Task

KIND = "preprocessing.v1"
Encoder: TypeAlias = Divisor | Standardizer | TableEncoder
ENCODERS = {"divisor": Divisor, "standardizer": Standardizer, "table": TableEncoder}
ANSWERS = {"classes": Classes, "values": Numbers}


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """From raw inputs and targets to a network's, and from its outputs back.

    Fitted by `prepare` on the training rows alone.
    """

    encoder: Encoder
    answers: Classes | Numbers
    target_name: str = "target"
    columns: tuple[str, ...] = ()
    """names of the inputs of an array (n, I), where they have any"""
    text: TextFormat | None = None
    """how the text file was read that the training rows came from"""
    notes: tuple[str, ...] = ()
    """what was decided for the user: columns left out, values not foreseen, the task"""

    @classmethod
    def fit(cls, dataset: Dataset, rows: Inputs, target: np.ndarray) -> Preprocessing:
        """Fit to some rows of a dataset. Errors: no column is of use, a constant target."""
        notes = dataset.notes
        encoder: Encoder
        if isinstance(rows, Table):
            encoder, more = fit_table(rows)
            notes = (*notes, *more)
        elif dataset.divisor is not None:
            encoder = Divisor(float(dataset.divisor), rows.shape[1:])
        else:
            encoder = Standardizer.fit(rows)
        answers: Classes | Numbers
        if dataset.classes is None:
            answers = Numbers.fit(target, dataset.target_name)
        else:
            answers = Classes(dataset.classes)
        return cls(encoder, answers, dataset.target_name, dataset.columns, dataset.text, notes)

    @property
    def task(self) -> Task:
        """binary, classes or regression."""
        return self.answers.task

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes in the order of their numbers; None for regression."""
        return self.answers.names if isinstance(self.answers, Classes) else None

    @property
    def outputs(self) -> int:
        """How many outputs the network has: 1 for binary, C for classes, O for regression."""
        return self.answers.outputs

    @property
    def target_scale(self) -> NDArray[np.float32] | None:
        """The target's standard deviation (O,), for errors in its own units; None for classes."""
        answers = self.answers
        return answers.scale.astype(np.float32) if isinstance(answers, Numbers) else None

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
        self, inputs: Any, *, unknown: Literal["error", "zeros"] = "error"
    ) -> NDArray[np.float32]:
        """Network inputs float32 (n, I) or (n, …) of an array, a table or a pandas frame.

        A value that no training row foresaw (an unknown category, a missing number where none was
        missing) is an error; with `unknown="zeros"` a category becomes zeros and a missing number
        the median. Other errors: missing columns, other shapes, NaN in arrays, infinite values.
        """
        if unknown not in ("error", "zeros"):
            raise DataError(f"expected error or zeros, got {unknown!r}", "unknown")
        plain = _plain(inputs)
        encoded, unforeseen = self.encode_leniently(plain)
        if unknown == "error" and isinstance(self.encoder, TableEncoder):
            self.encoder.refuse(plain, unforeseen)
        return encoded

    def encode_leniently(self, inputs: Any) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Network inputs, and by column how many of its values were not foreseen."""
        plain = _plain(inputs)
        check_inputs(plain, "inputs", self.columns)
        unforeseen: dict[str, int] = {}
        with np.errstate(over="ignore"):
            if isinstance(self.encoder, TableEncoder):
                if not isinstance(plain, Table):
                    raise DataError("expected a table of named columns, got an array", "inputs")
                encoded, unforeseen = self.encoder(plain)
            else:
                encoded = self.encoder(self._array(plain))
        if isinstance(plain, Table) or plain.dtype.kind == "f":
            names = self.feature_names if encoded.ndim == 2 else ()
            check_finite(encoded, "inputs", names, what="float32 inputs once they are scaled")
        return encoded, unforeseen

    def encode_target(self, target: Any) -> NDArray[np.int32] | NDArray[np.float32]:
        """Class numbers int32 (n,), or standardized numbers float32 (n,) or (n, O)."""
        return self.answers.encode(np.asarray(target))

    def decode(self, output: Any) -> np.ndarray:
        """Classes' names (n,) of logits, or numbers in the target's own units (n,) or (n, O)."""
        return self.answers.decode(np.asarray(output))

    def probabilities(self, output: Any) -> NDArray[np.float64]:
        """Of each class, (n, C), from logits; two classes have two columns. Errors: regression."""
        return self.answers.probabilities(np.asarray(output))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: objects, lists, strings and numbers that keep every bit."""
        text = self.text
        return {
            "kind": KIND,
            "inputs": self.encoder.to_json(),
            "target": self.answers.to_json(),
            "target_name": self.target_name,
            "columns": list(self.columns),
            "text": None if text is None else text._asdict(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Any) -> Preprocessing:
        """What `to_json` wrote. `DataError` names the field that is missing or damaged."""
        if field(data, "kind", str) != KIND:
            raise DataError(f"expected {KIND}, got {data['kind']!r}", "kind")
        with error_path("inputs"):
            encoder: Encoder = _part(data, "inputs", ENCODERS)
        with error_path("target"):
            answers: Classes | Numbers = _part(data, "target", ANSWERS)
        with error_path("text"):
            text = _text(field(data, "text", (dict, type(None))))
        columns = names(data, "columns")
        name = field(data, "target_name", str)
        return cls(encoder, answers, name, columns, text, names(data, "notes"))

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


def _plain(inputs: Any) -> Inputs:
    """An array or a table of whatever holds the inputs."""
    if isinstance(inputs, Table):
        return inputs
    return table_of(inputs, "inputs") if is_frame(inputs) else np.asarray(inputs)


def _part(data: Any, name: str, kinds: Mapping[str, Any]) -> Any:
    """What data[name] holds, read by the class that its kind names."""
    part = field(data, name, dict)
    kind = field(part, "kind", str)
    if kind not in kinds:
        raise DataError(f"expected one of {', '.join(kinds)}, got {kind!r}", "kind")
    return kinds[kind].from_json(part)


def _text(data: Any) -> TextFormat | None:
    if data is None:
        return None
    delimiter, header = field(data, "delimiter", str), field(data, "header", bool)
    return TextFormat(delimiter, header, names(data, "missing"), names(data, "columns"))
