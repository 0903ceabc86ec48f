"""What advances a run, whether its rows are in memory or read from disk."""

from __future__ import annotations

from typing import Protocol

from jax.sharding import Mesh

from fnn.objective import Batch
from fnn.training.program.epoch import EpochMetrics, Plan
from fnn.training.program.state import RunState


class Source(Protocol):
    """Rows to train on: it advances a run from one step to another."""

    plan: Plan
    mesh: Mesh | None

    def advance(self, state: RunState, start: int, stop: int) -> tuple[RunState, EpochMetrics]:
        """The state at step `stop`, and the metrics of the epochs that ended on the way."""

    def batch(self, state: RunState, number: int) -> Batch:
        """The rows of that step."""
