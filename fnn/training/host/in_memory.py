"""Rows that are all on the device."""

from __future__ import annotations

import operator
from typing import TypedDict

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.typing import ArrayLike

from fnn.host import fetch
from fnn.objective import Batch
from fnn.training.parallel.sharding import replicate
from fnn.training.program.epoch import EpochMetrics, Plan, gather, order
from fnn.training.program.kept import KeptProgram
from fnn.training.program.segment import segment
from fnn.training.program.state import RunState
from fnn.training.run import Run

CAPACITY = 4096
"""epochs that one call may end"""

_STATIC = ("capacity", "mesh")
_segment = KeptProgram(jax.jit(segment, static_argnames=_STATIC), *_STATIC)


class _Options(TypedDict):
    start: int
    stop: int
    capacity: int
    target_scale: jax.Array | None
    mesh: Mesh | None


class InMemorySource:
    """Advances a run over rows that are on the device."""

    def __init__(
        self,
        run: Run,
        rows: Batch,
        validation: Batch | None,
        target_scale: ArrayLike | None,
        mesh: Mesh | None = None,
    ) -> None:
        self.run, self.mesh = run, mesh
        self.rows, self.validation, self.target_scale = replicate(
            (rows, validation, target_scale), mesh
        )
        self.plan = Plan.of(run, rows.target.shape[0])

    def advance(self, state: RunState, start: int, stop: int) -> tuple[RunState, EpochMetrics]:
        """The state at step `stop`, and the metrics of the epochs that ended on the way."""
        state, metrics = _segment(*self._arguments(state), **self._options(start, stop))
        ended = stop // self.plan.steps - start // self.plan.steps
        metrics = fetch(metrics)
        return state, jax.tree.map(operator.itemgetter(slice(ended)), metrics)

    def compile(self, state: RunState) -> None:
        """Compile what `advance` runs, for a state of those shapes."""
        _segment.lower(*self._arguments(state), **self._options(0, 0)).compile()

    def _arguments(self, state: RunState) -> tuple[Run, RunState, Batch, Batch | None]:
        return self.run, state, self.rows, self.validation

    def _options(self, start: int, stop: int) -> _Options:
        return {
            "start": start,
            "stop": stop,
            "capacity": CAPACITY,
            "target_scale": self.target_scale,
            "mesh": self.mesh,
        }

    def batch(self, state: RunState, number: int) -> Batch:
        """The rows of that step."""
        epoch, index = divmod(number, self.plan.steps)
        turn = order(self.plan, state.order_key, jnp.int32(epoch))
        if turn is None:
            return self.rows
        return gather(self.rows, turn[index * self.plan.size :][: self.plan.size])
