"""From a dataset to what a network trains on, chooses by and is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fnn.data.dataset import DataRows, Dataset, take
from fnn.data.errors import DataError
from fnn.data.preprocessing.preprocessing import Preprocessing
from fnn.data.sources.memory_mapped import StoredRows, View
from fnn.data.splits import FRACTIONS, Split, shares, split
from fnn.objective import Batch
from fnn.spec import error_path


class Prepared(NamedTuple):
    """Encoded rows on the host: x float32, targets int32 class numbers or float32 standardized.

    Rows of data that stays on disk are encoded as they are read.
    """

    train: Batch | StoredRows
    validation: Batch | StoredRows | None
    """None where its fraction is 0"""
    test: Batch | StoredRows | None
    """None where its fraction is 0 and there is no official test part"""
    preprocessing: Preprocessing
    dataset: Dataset
    split: Split
    """row numbers of the dataset; those of an official test part are not among them"""


def prepare(
    dataset: Dataset,
    fractions: Sequence[float] = FRACTIONS,
    *,
    seed: int = 0,
    stratify: bool = True,
) -> Prepared:
    """Split the rows, fit a `Preprocessing` to the training rows, and encode all of them.

    With an official test part, which stays as it is, train and validation share the other rows in
    the ratio of their fractions: 60-20-20 splits them 75-25. Values of validation and test rows
    that no training row foresaw are encoded as `encode(…, unknown="zeros")` does, with a note.

    Errors: those of `split`; training rows with a constant target or one class only, or without a
    column that is of use.
    """
    if not isinstance(dataset, Dataset):
        raise DataError(f"expected a Dataset, as fnn.data.load gives one, got {dataset!r:.60}")
    wanted = shares(fractions)
    if dataset.test is not None:
        wanted = np.array([*wanted[:2], 0]) / wanted[:2].sum()
    rows = split(
        dataset.target, wanted.tolist(), seed=seed, stratify=stratify, classes=dataset.classes
    )
    pick: Any = View if dataset.on_disk else take
    parts = [DataRows(pick(dataset.inputs, index), dataset.target[index]) for index in rows]
    train, validation, test = parts[0], parts[1], dataset.test or parts[2]
    with error_path(dataset.name):
        _check_classes(dataset, train)
        preprocessing = Preprocessing.fit(dataset, *train)
    notes = list(preprocessing.notes)

    def batch(name: str, part: DataRows) -> Batch | StoredRows | None:
        if not len(part.target):
            return None
        if dataset.on_disk:
            return StoredRows.of(part, preprocessing)
        with error_path(f"{dataset.name}, {name} part"):
            x, unforeseen = preprocessing.encode_leniently(part.inputs)
            target: Any = preprocessing.encode_target(part.target)
        for column, count in unforeseen.items():
            values = "value" if count == 1 else "values"
            notes.append(
                f"column {column}: {count} {values} of the {name} rows no training row has"
            )
        return Batch(x, target)

    training = batch("training", train)
    assert training is not None
    others = batch("validation", validation), batch("test", test)
    noted = replace(preprocessing, notes=tuple(notes))
    return Prepared(training, *others, noted, dataset, rows)


def _check_classes(dataset: Dataset, train: DataRows) -> None:
    if dataset.classes is not None and len(np.unique(train.target)) < 2:
        raise DataError(
            f"all {len(train.target)} training rows are of one class, "
            f"{dataset.classes[train.target[0]]!r}",
            dataset.target_name,
        )
