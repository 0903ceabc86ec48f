"""Rows that do not fit into memory: chunks of one permutation, the next one prefetched."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.typing import ArrayLike

from fnn.host import fetch, transfers
from fnn.metrics import Metrics
from fnn.objective import Batch
from fnn.spec import SpecError
from fnn.training.parallel.sharding import (
    local_copy,
    replicate,
    replicate_in_program,
    shard_batch,
    to_host,
)
from fnn.training.program.epoch import (
    EpochMetrics,
    Plan,
    batches,
    end_epoch,
    finish_epoch,
    order,
    slice_rows,
)
from fnn.training.program.state import RunState, evaluation_parameters
from fnn.training.program.step import step
from fnn.training.rows import RowReader, evaluate_rows
from fnn.training.run import Run

CHUNK_BYTES = 32 * 2**20
"""of rows at a time: one chunk is trained on, one waits, one is being read"""


class StreamingSource:
    """Advances a run over rows that are read as they are needed.

    The steps, their order and their keys are those of rows that lie on the device, and so are the
    numbers, bit for bit. Raises `SpecError` for a batch that is all of the rows.
    """

    def __init__(
        self,
        run: Run,
        rows: RowReader,
        validation: RowReader | None,
        target_scale: ArrayLike | None = None,
        chunk_bytes: int | None = None,
        mesh: Mesh | None = None,
    ) -> None:
        self.run, self.rows, self.validation, self.target_scale = (
            run,
            rows,
            validation,
            target_scale,
        )
        self.mesh = mesh
        self.plan = Plan.of(run, len(rows))
        if self.plan.size == self.plan.rows:
            raise SpecError("a batch of all rows must lie in memory: take fewer", "batch_size")
        first = rows.read(np.arange(1))
        if first.weight is not None:
            raise SpecError("rows that are read can't have weights", "rows.weight")
        one = sum(leaf.nbytes for leaf in jax.tree.leaves(first))
        self.batches = min(
            max((chunk_bytes or CHUNK_BYTES) // (one * self.plan.size), 1), self.plan.whole
        )
        self._reader = ThreadPoolExecutor(1, "fnn-rows")
        self._chunks: dict[tuple[int, int], Future[Batch]] = {}
        config: Any = jax.config
        self._device = config.jax_default_device  # a thread does not know it by itself
        self._orders: dict[int, np.ndarray] = {}

    def advance(self, state: RunState, start: int, stop: int) -> tuple[RunState, EpochMetrics]:
        """The state at step `stop`, and the metrics of the epochs that ended on the way."""
        if start == stop:
            self._compile(state)
        ended: list[EpochMetrics] = []
        number, before = start, state
        while number < stop:
            epoch, index = divmod(number, self.plan.steps)
            chunk, low = divmod(index, self.batches)
            if index < self.plan.whole:
                inside = min(self.batches, self.plan.whole - chunk * self.batches)
                high = min(low + stop - number, inside)
                rows = self._chunk(state, epoch, chunk)
                jax.block_until_ready(before)  # or chunks would queue up on the device
                before = state
                state = _train(self.run, state, rows, low, high, self.plan.size, self.mesh)
                number += high - low
            else:
                state = _train_ragged(self.run, state, self.batch(state, number), True, self.mesh)
                number += 1
            if number % self.plan.steps == 0:
                state, metrics = self._end(state, epoch)
                ended.append(fetch(metrics))
                if not state.active:
                    break
        return state, _stacked(ended)

    def batch(self, state: RunState, number: int) -> Batch:
        """The rows of that step."""
        epoch, index = divmod(number, self.plan.steps)
        first = index * self.plan.size
        return self._reader.submit(self._read, state, epoch, first, self.plan.size).result()

    def _compile(self, state: RunState) -> None:
        """Every program, without a step."""
        _train(self.run, state, self._chunk(state, 0, 0), 0, 0, self.plan.size, self.mesh)
        if self.plan.ragged:
            _train_ragged(self.run, state, self.batch(state, self.plan.whole), False, self.mesh)
        self._end(state, 0)

    def _chunk(self, state: RunState, epoch: int, number: int) -> Batch:
        """That chunk; the one that follows it is being read from now on."""
        last = (number + 1) * self.batches >= self.plan.whole
        following = (epoch + 1, 0) if last else (epoch, number + 1)
        wanted = [(epoch, number), following]
        self._chunks = {chunk: read for chunk, read in self._chunks.items() if chunk in wanted}
        size = self.batches * self.plan.size
        for chunk in wanted:
            if chunk not in self._chunks:
                first = chunk[1] * size
                self._chunks[chunk] = self._reader.submit(self._read, state, chunk[0], first, size)
        return self._chunks[epoch, number].result()

    @transfers
    def _read(self, state: RunState, epoch: int, first: int, size: int) -> Batch:
        """Rows from the order of an epoch, on the device; repetitions where it has ended.

        This runs in the thread of the reader alone.
        """
        with jax.default_device(self._device):
            if epoch not in self._orders:
                key = local_copy(state.order_key, self.mesh)
                keep = {known: turn for known, turn in self._orders.items() if known + 1 == epoch}
                turn = fetch(_order(self.plan, key, epoch))
                self._orders = keep | {epoch: turn}
            index = self._orders[epoch][first : first + size]
            rest = 0 if first >= self.plan.whole * self.plan.size else size - len(index)
            read: Batch = replicate(
                self.rows.read(np.pad(index, (0, rest), mode="edge")), self.mesh
            )
        return read

    def _end(self, state: RunState, epoch: int) -> tuple[RunState, EpochMetrics]:
        state = _end_epoch(self.run, state)
        ended: tuple[RunState, EpochMetrics] = _finish_epoch(
            self.run, state, float(self.plan.rows), self.plan.steps, self._validate(state, epoch)
        )
        return ended

    def _validate(self, state: RunState, epoch: int) -> Metrics | None:
        if self.validation is None:
            return None
        if (epoch + 1) % self.run.validate_every:
            return dict.fromkeys(self.run.metric_names, jnp.asarray(0.0))  # marked as missing
        params, layers = local_copy(_current(self.run, state), self.mesh)
        metrics = evaluate_rows(
            self.run.objective,
            params,
            layers,
            self.validation,
            self.run.metric_names,
            self.target_scale,
        )
        return metrics if self.mesh is None else to_host(metrics, None)


@partial(jax.jit, static_argnames=("size", "mesh"))
def _train(
    run: Run,
    state: RunState,
    rows: Batch,
    low: jax.Array,
    high: jax.Array,
    size: int,
    mesh: Mesh | None,
) -> RunState:
    """Steps over the batches `low` to `high` of a chunk, which lies in the order of the epoch."""
    low, high = jax.lax.optimization_barrier((jnp.int32(low), jnp.int32(high)))

    def batch(number: jax.Array) -> Batch:
        return shard_batch(slice_rows(rows, number * size, size), mesh)

    return replicate_in_program(batches(run, state, batch, low, high), mesh)


@partial(jax.jit, static_argnames="mesh")
def _train_ragged(
    run: Run, state: RunState, rows: Batch, wanted: jax.Array, mesh: Mesh | None
) -> RunState:
    trained: RunState = jax.lax.cond(
        wanted,
        lambda state: step(run, state, shard_batch(rows, mesh))[0],
        lambda state: state,
        state,
    )
    return replicate_in_program(trained, mesh)


_order = jax.jit(order, static_argnames="plan")
_end_epoch = jax.jit(end_epoch)
_finish_epoch = jax.jit(finish_epoch, static_argnames="steps")
_current = jax.jit(evaluation_parameters)


def _stacked(ended: list[EpochMetrics]) -> EpochMetrics:
    if not ended:
        none = jnp.zeros(0, bool)
        return EpochMetrics(jnp.zeros(0), None, None, none, none)
    return jax.tree.map(lambda *leaves: np.stack(leaves), *ended)
