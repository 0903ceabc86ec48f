"""Rows that are read by number, and a network's outputs for them, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jax.typing import ArrayLike

from fnn.host import fetch
from fnn.layer import PyTree
from fnn.metrics import CHUNK, Metrics, evaluate, measure, outputs
from fnn.objective import Batch, Objective
from fnn.shapes import shape_of
from fnn.training.program.kept import KeptProgram


@runtime_checkable
class RowReader(Protocol):
    """Rows that are read by number."""

    def __len__(self) -> int: ...

    def read(self, index: np.ndarray) -> Batch:
        """The rows of those numbers, in that order, as NumPy arrays without weights."""


@dataclass(frozen=True)
class InMemoryRows:
    """Rows that are there already."""

    batch: Batch

    def __len__(self) -> int:
        return len(self.batch.target)

    def read(self, index: np.ndarray) -> Batch:
        """The rows of those numbers."""
        taken: Batch = jax.tree.map(lambda leaf: leaf[index], self.batch)
        return taken


def evaluate_rows(
    objective: Objective,
    params: PyTree,
    state: PyTree,
    rows: Batch | RowReader,
    names: tuple[str, ...],
    target_scale: ArrayLike | None = None,
) -> Metrics:
    """`fnn.metrics.evaluate`, compiled, for rows in memory or rows to be read."""
    if isinstance(rows, Batch):
        return _evaluate(objective, params, state, rows, names, target_scale=target_scale)
    output, target = output_rows(objective, params, state, rows)
    return _measure(objective.loss, output, target, names, target_scale=target_scale)


def compile_evaluation(
    objective: Objective,
    rows: Batch,
    names: tuple[str, ...],
    target_scale: ArrayLike | None = None,
) -> Callable[[], object]:
    """Trace `evaluate_rows` for a network yet to be trained, as a call that compiles it."""
    params, state = jax.eval_shape(
        lambda seed: objective.init(jax.random.key(seed), shape_of(rows.x)), np.uint32(0)
    )
    lowered = _evaluate.lower(objective, params, state, rows, names, target_scale=target_scale)
    return lowered.compile


def output_rows(
    objective: Objective, params: PyTree, state: PyTree, rows: Batch | RowReader
) -> tuple[PyTree, PyTree]:
    """The network's output for rows in memory or rows to be read, and their targets."""
    if isinstance(rows, Batch):
        return _outputs(objective, params, state, rows.x), rows.target
    parts, targets = [], []
    for first in range(0, len(rows), CHUNK):
        batch = rows.read(np.arange(first, min(first + CHUNK, len(rows))))
        parts.append(fetch(_outputs(objective, params, state, batch.x)))
        targets.append(batch.target)
    return np.concatenate(parts), np.concatenate(targets)


_outputs = jax.jit(outputs)
_measure = jax.jit(measure, static_argnames="names")
_evaluate = KeptProgram(jax.jit(evaluate, static_argnames="names"), "names")
