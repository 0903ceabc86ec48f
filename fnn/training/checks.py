"""Checks of arguments and rows, before anything is compiled."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from fnn.data.dataset import check_dense
from fnn.layer import PyTree
from fnn.objective import Batch, Objective
from fnn.shapes import shape_of
from fnn.spec import FnnError, ShapeError, SpecError, error_path, named_leaves
from fnn.training.program.epoch import Plan
from fnn.training.run import Run

LIMIT = 2**31
"""of steps: they are counted in 32 bits"""


def check_epochs(epochs: int) -> None:
    """A whole number from 1 up."""
    if not isinstance(epochs, int | np.integer) or isinstance(epochs, bool):
        raise SpecError(f"expected a whole number of epochs, got {epochs!r}")
    if epochs < 1:
        raise SpecError(f"expected at least 1 epoch, got {epochs}")


def check_counts(least: int, **counts: int) -> None:
    """Whole numbers from `least` up, by name."""
    for name, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < least:
            raise SpecError(f"expected a whole number from {least} up, got {count!r}", name)


def check_loggers(loggers: Sequence[object]) -> None:
    """A sequence of functions."""
    if callable(loggers) or not isinstance(loggers, Sequence):
        raise SpecError("expected a sequence of functions: write loggers=[…]", "loggers")
    for index, logger in enumerate(loggers):
        if not callable(logger):
            raise SpecError(f"expected a function, got {logger!r}", f"loggers[{index}]")


def check_length(epochs: int, plan: Plan) -> None:
    """As many steps as can be counted."""
    if epochs * plan.steps >= LIMIT:
        raise SpecError(
            f"{epochs:,} epochs of {plan.steps:,} steps are more than can be counted ({LIMIT:,})"
        )


def check_seconds(**seconds: float) -> None:
    """Numbers from 0 up."""
    for name, value in seconds.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not value >= 0:
            raise SpecError(f"expected a number of seconds from 0 up, got {value!r}", name)


def check_seeds(**seeds: int) -> None:
    """Whole numbers that fit 32 bits."""
    for name, seed in seeds.items():
        whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
        if not whole or not 0 <= seed < 2**32:
            raise SpecError(f"expected a whole number from 0 to 2**32 - 1, got {seed!r}", name)


def check_state(state: PyTree, expected: PyTree) -> None:
    """Raises `SpecError` for the state of another run: other leaves, shapes or dtypes."""
    wrong = "is not the state of this run"
    known, leaves = named_leaves(expected), named_leaves(state)
    differ = sorted(known.keys() ^ leaves.keys())
    if differ:
        raise SpecError(f"{wrong}: {differ[0]} is in one of them alone", "state")
    for path, leaf in known.items():
        wanted, got = (f"{one.dtype}{list(one.shape)}" for one in (leaf, leaves[path]))
        if wanted != got:
            raise SpecError(f"{wrong}: {path}: expected {wanted}, got {got}", "state")


def check_selection(run: Run, validated: bool, epochs: int) -> None:
    """Who selects by validation has some, at least once."""
    if run.selection is None:
        return
    if not validated:
        raise SpecError(
            f"{run.selection} goes by validation rows, and there are none: "
            "set some aside, or train without a selection",
            "selection",
        )
    if epochs < run.validate_every:
        raise SpecError(
            f"{run.selection} goes by validation, and the first would follow epoch "
            f"{run.validate_every} (validate_every) of {epochs}",
            "selection",
        )


def check_rows(objective: Objective, rows: Batch, location: str) -> None:
    """One target (and weight) a row, at least one row, and classes that the network has."""
    if not isinstance(rows, Batch):
        raise SpecError(f"expected fnn.Batch(x, target), got {type(rows).__name__}", location)
    for path, leaf in named_leaves(rows).items():
        if not hasattr(leaf, "shape"):
            raise SpecError(f"expected an array, got {type(leaf).__name__}", f"{location}.{path}")
        check_dense(leaf, f"{location}.{path}")
    counts = {path: leaf.shape[:1] for path, leaf in named_leaves(rows).items()}
    if len(set(counts.values())) != 1:
        lengths = ", ".join(f"{path} {count}" for path, count in counts.items())
        raise ShapeError(f"expected as many rows in each array, got {lengths}", location)
    if counts["target"] in ((), (0,)):
        raise ShapeError("expected at least one row, got none", location)
    if rows.weight is not None:
        _check_weights(np.asarray(rows.weight), f"{location}.weight")
    if objective.loss.task == "classes":
        with error_path("net"):
            output = objective.net.out_shape(shape_of(rows.x))
        _check_classes(rows.target, output.shape[-1], location)
    if objective.loss.task == "binary":
        _check_answers(np.asarray(rows.target), f"{location}.target")


def _check_weights(weight: np.ndarray, location: str) -> None:
    wrong = np.argwhere(~np.isfinite(weight) | (weight < 0))
    if wrong.size:
        row = wrong[0, 0]
        raise FnnError(
            f"expected finite weights from 0 up, got {weight[row]} at row {row}", location
        )
    if not weight.any():
        raise FnnError("expected a weight above 0 somewhere, got only 0", location)


def _check_answers(target: np.ndarray, location: str) -> None:
    wrong = np.argwhere(~((target >= 0) & (target <= 1)))
    if wrong.size:
        value = target[tuple(wrong[0])]
        raise FnnError(f"expected answers from 0 to 1, got {value} at row {wrong[0, 0]}", location)


def _check_classes(target: jax.Array, outputs: int, location: str) -> None:
    labels = np.asarray(target)
    if not np.issubdtype(labels.dtype, np.integer):
        return
    wrong = np.flatnonzero((labels < 0) | (labels >= outputs))
    if wrong.size:
        raise FnnError(
            f"expected classes 0 … {outputs - 1}, as the network has {outputs} outputs; "
            f"got {labels.flat[wrong[0]]} at row {wrong[0]}",
            f"{location}.target",
        )
