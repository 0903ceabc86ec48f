"""What is wrong with rows is said before anything is compiled."""

from __future__ import annotations

import jax
import numpy as np

from fnn.losses import CrossEntropy, ProbabilityCrossEntropy
from fnn.objective import Batch, Objective
from fnn.shapes import shape_of
from fnn.spec import FnnError, ShapeError, SpecError, at, named_leaves


def check_epochs(epochs: int) -> None:
    """A whole number from 1 up."""
    if not isinstance(epochs, int) or isinstance(epochs, bool):
        raise SpecError(f"expected a whole number of epochs, got {epochs!r}")
    if epochs < 1:
        raise SpecError(f"expected at least 1 epoch, got {epochs}")


def check_rows(objective: Objective, rows: Batch, place: str) -> None:
    """One target (and weight) a row, at least one row, and classes that the network has."""
    if not isinstance(rows, Batch):
        raise SpecError(f"expected fnn.Batch(x, target), got {type(rows).__name__}", place)
    counts = {path: leaf.shape[:1] for path, leaf in named_leaves(rows).items()}
    if len(set(counts.values())) != 1:
        told = ", ".join(f"{path} {count}" for path, count in counts.items())
        raise ShapeError(f"expected as many rows in each array, got {told}", place)
    if counts["target"] in ((), (0,)):
        raise ShapeError("expected at least one row, got none", place)
    if isinstance(objective.loss, (CrossEntropy, ProbabilityCrossEntropy)):
        with at("net"):
            output = objective.net.out_shape(shape_of(rows.x))
        _check_classes(rows.target, output.shape[-1], place)


def _check_classes(target: jax.Array, outputs: int, place: str) -> None:
    labels = np.asarray(target)
    if not np.issubdtype(labels.dtype, np.integer):
        return
    wrong = np.flatnonzero((labels < 0) | (labels >= outputs))
    if wrong.size:
        raise FnnError(
            f"expected classes 0 … {outputs - 1}, as the network has {outputs} outputs; "
            f"got {labels.flat[wrong[0]]} at row {wrong[0]}",
            f"{place}.target",
        )
