"""Many runs as one compiled program: `init_state` and `segment` under `vmap`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn.layer import Tree
from fnn.objective import Batch
from fnn.shapes import shape_of, wide
from fnn.spec import numbers
from fnn.sweeps.axes import Member
from fnn.training.epoch import EpochMetrics
from fnn.training.run import Run
from fnn.training.segment import segment
from fnn.training.state import RunState, chosen, init_state

CAPACITY = 2**20
"""epochs that one call may end, summed over its members, about"""


class Data(NamedTuple):
    """What all members share: rows to train on, rows to validate, and the target's unit."""

    rows: Batch
    validation: Batch | None = None
    unit: Any = None


class Program:
    """Takes `size` runs of one structure forward together.

    Every number of the runs is an axis, so that another grid over the same structure is the same
    program; the rows are shared, and so is their order where all members have one order seed: then
    a step gathers its batch once for all.
    """

    def __init__(self, data: Data, size: int, shared_order: bool) -> None:
        self.data, self.size, self.shared_order = data, size, shared_order
        self.capacity = max(CAPACITY // size, 16)

    def start(self, runs: Run, seeds: np.ndarray, order_seeds: np.ndarray) -> RunState:
        """Every member before its first step."""
        orders = order_seeds[0] if self.shared_order else order_seeds
        return _start(runs, self._first(), seeds, orders, shared_order=self.shared_order)

    def shapes(self, runs: Run) -> RunState:
        """The shapes of what `start` gives."""
        seeds = jax.ShapeDtypeStruct((self.size,), np.uint32)
        orders = jax.ShapeDtypeStruct(() if self.shared_order else (self.size,), np.uint32)
        made: RunState = _start.eval_shape(
            runs, self._first(), seeds, orders, shared_order=self.shared_order
        )
        return made

    def _first(self) -> Tree:
        """A row, for its shape."""
        return jax.tree.map(lambda leaf: leaf[:1], self.data.rows.x)

    def advance(
        self, runs: Run, states: RunState, start: int, stop: int
    ) -> tuple[RunState, EpochMetrics]:
        """The states at step `stop`, and metrics (M, capacity): the epochs that ended first."""
        return _advance(runs, states, self.data, start, stop, **self._static())

    def lower(self, runs: Run, states: RunState) -> Any:
        """The program that `advance` runs, lowered."""
        return _advance.lower(runs, states, self.data, 0, 0, **self._static())

    def _static(self) -> dict[str, Any]:
        return {"capacity": self.capacity, "shared_order": self.shared_order}


def stack(runs: Sequence[Run]) -> Run:
    """Runs of one structure as one, every number an array (M,)."""
    dtype = wide(runs[0].objective.policy.dtype)
    leaves = [numbers(run, dtype) for run in runs]
    made: Run = jax.tree.map(lambda *values: np.stack(values), *leaves)
    return made


@jax.jit
def take_members(runs: Run, states: RunState, index: np.ndarray) -> tuple[Run, RunState]:
    """The members of those numbers."""
    axes = _axes(states.order_key.ndim == 0)
    taken = [
        part if axis is None else jax.tree.map(lambda leaf: leaf[index], part)
        for part, axis in zip(states, axes, strict=True)
    ]
    return jax.tree.map(lambda leaf: leaf[index], runs), RunState(*taken)


def _axes(shared_order: bool) -> Any:
    """Which parts of a `RunState` have a member axis: all, but for an order that is shared."""
    shared = {"order_key"} if shared_order else set()
    return RunState._make(None if name in shared else 0 for name in RunState._fields)


@functools.partial(jax.jit, static_argnames="shared_order")
def _start(
    runs: Run, x: Tree, seeds: jax.Array, order_seeds: jax.Array, *, shared_order: bool
) -> RunState:
    def one(run: Run, seed: jax.Array, order_seed: jax.Array) -> RunState:
        return init_state(run, shape_of(x), seed=seed, order_seed=order_seed)

    made: RunState = jax.vmap(
        one, in_axes=(0, 0, None if shared_order else 0), out_axes=_axes(shared_order)
    )(runs, seeds, order_seeds)
    return made


@functools.partial(jax.jit, static_argnames=("capacity", "shared_order"))
def _advance(
    runs: Run,
    states: RunState,
    data: Data,
    start: int,
    stop: int,
    *,
    capacity: int,
    shared_order: bool,
) -> tuple[RunState, EpochMetrics]:
    def one(run: Run, state: RunState) -> tuple[RunState, EpochMetrics]:
        rows, validation, unit = data
        return segment(
            run, state, rows, validation, start=start, stop=stop, capacity=capacity, unit=unit
        )

    axes = _axes(shared_order)
    made: tuple[RunState, EpochMetrics] = jax.vmap(one, in_axes=(0, axes), out_axes=(axes, 0))(
        runs, states
    )
    return made


def shares_order(members: Sequence[Member]) -> bool:
    """Whether all see their batches in one order."""
    return len({member.order_seed for member in members}) == 1


class Standing(NamedTuple):
    """Where members stand, as far as the host asks."""

    params: Tree
    state: Tree
    epoch: jax.Array
    best_epoch: jax.Array
    active: jax.Array
    sound: jax.Array
    """whether the present parameters are finite"""


@jax.jit
def standing(runs: Run, states: RunState) -> Standing:
    """The parameters to use of every member, and how far it came."""

    def one(run: Run, state: RunState) -> Standing:
        params, layers = chosen(run, state)
        leaves = jax.tree.leaves((state.params, state.state))
        sound = jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()
        best = jnp.zeros((), jnp.int32) if state.best is None else state.best.epoch
        return Standing(params, layers, state.epoch, best, state.active, sound)

    made: Standing = jax.vmap(one, in_axes=(0, _axes(states.order_key.ndim == 0)))(runs, states)
    return made
