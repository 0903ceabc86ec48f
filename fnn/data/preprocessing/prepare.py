"""A dataset split into training, validation and test rows, and encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fnn.data.dataset import DataRows, Dataset, take_rows
from fnn.data.errors import DataError
from fnn.data.preprocessing.preprocessing import Preprocessing
from fnn.data.preprocessing.stored_rows import RowView, StoredRows
from fnn.data.splits import FRACTIONS, Split, normalized_fractions, split
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

    @property
    def test_count(self) -> int:
        """How many test rows there are."""
        return 0 if self.test is None else len(self.test.target)


def prepare(
    dataset: Dataset,
    fractions: Sequence[float] = FRACTIONS,
    *,
    seed: int = 0,
    stratify: bool = True,
) -> Prepared:
    """Split the rows, fit a `Preprocessing` to the training rows, and encode all of them.

    With an official test part, which is never split, train and validation share the other rows in
    the ratio of their fractions: 60-20-20 splits them 75-25. Values of validation and test rows
    that no training row has are encoded as `encode(…, unknown="zeros")` does, with a note.

    Errors: those of `split`; training rows with a constant target or one class only, or without a
    usable column.
    """
    if not isinstance(dataset, Dataset):
        raise DataError(f"expected a Dataset, as fnn.data.load gives one, got {dataset!r:.60}")
    rows = _split(dataset, fractions, seed=seed, stratify=stratify)
    select: Any = RowView if dataset.on_disk else take_rows
    parts = [DataRows(select(dataset.inputs, index), dataset.target[index]) for index in rows]
    with error_path(dataset.name):
        _check_classes(dataset, parts[0])
        preprocessing = Preprocessing.fit(dataset, *parts[0])
    train, notes = _encode(dataset, parts[0], "training", preprocessing)
    assert train is not None
    validation, more = _encode(dataset, parts[1], "validation", preprocessing)
    test, others = _encode(dataset, dataset.test or parts[2], "test", preprocessing)
    notes = [*preprocessing.notes, *notes, *more, *others]
    preprocessing = replace(preprocessing, notes=tuple(notes))
    return Prepared(train, validation, test, preprocessing, dataset, rows)


def _split(dataset: Dataset, fractions: Sequence[float], *, seed: int, stratify: bool) -> Split:
    """The rows of each part; an official test part takes none of them."""
    part_fractions = normalized_fractions(fractions)
    if dataset.test is not None:
        part_fractions = np.array([*part_fractions[:2], 0]) / part_fractions[:2].sum()
    return split(
        dataset.target,
        part_fractions.tolist(),
        seed=seed,
        stratify=stratify,
        classes=dataset.classes,
    )


def _encode(
    dataset: Dataset, rows: DataRows, part: str, preprocessing: Preprocessing
) -> tuple[Batch | StoredRows | None, list[str]]:
    """The encoded rows, None where there are none, and notes about unforeseen values."""
    if not len(rows.target):
        return None, []
    if dataset.on_disk:
        return StoredRows.of(rows, preprocessing), []
    with error_path(f"{dataset.name}, {part} part"):
        x, unforeseen = preprocessing.encode_leniently(rows.inputs)
        target: Any = preprocessing.encode_target(rows.target)
    notes = [
        f"column {column}: {count} {'value' if count == 1 else 'values'} of the {part} rows "
        "no training row has"
        for column, count in unforeseen.items()
    ]
    return Batch(x, target), notes


def _check_classes(dataset: Dataset, train: DataRows) -> None:
    if dataset.classes is not None and len(np.unique(train.target)) < 2:
        raise DataError(
            f"all {len(train.target)} training rows are of one class, "
            f"{dataset.classes[train.target[0]]!r}",
            dataset.target_name,
        )
