"""Many runs as one compiled program: `init_state` and `segment` under `vmap`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.stages import Lowered

from fnn.host import transfers
from fnn.layer import PyTree
from fnn.objective import Batch
from fnn.shapes import shape_of, wide
from fnn.sweeps.axes import Member
from fnn.sweeps.cpu_threads import (
    by_member,
    concatenate_threads,
    member_axes,
    thread_count,
    thread_slice,
)
from fnn.training.parallel.sharding import constrain, mesh_of_arrays, reshard, vmap_on
from fnn.training.program.epoch import EpochMetrics
from fnn.training.program.segment import segment
from fnn.training.program.state import RunState, final_parameters, init_state, jit_init
from fnn.training.run import Run

CAPACITY = 2**18
"""epochs that one call may end, summed over its members, about"""


class SweepData(NamedTuple):
    """What all members share: rows to train on, rows to validate, and the target's unit.

    Where they lie on a mesh (`fnn.training.parallel.sharding`), its devices divide the members.
    """

    rows: Batch
    validation: Batch | None = None
    target_scale: Any = None

    @property
    def mesh(self) -> Mesh | None:
        """What the rows lie on, if it is a mesh."""
        return mesh_of_arrays(self.rows)


class Program:
    """Advances `size` runs of one structure together.

    Every number of the runs is an axis, so that another grid over the same structure is the same
    program; the rows are shared, and so is their order where all members have one order seed: then
    a step gathers its batch once for all. On a mesh `size` has to be a multiple of its devices.

    On a CPU without a mesh the members are divided among `threads`, one a core, which run side
    by side: the steps of small networks are too short to be shared out among cores.
    """

    def __init__(self, data: SweepData, size: int, shared_order: bool) -> None:
        self.data, self.size, self.shared_order = data, size, shared_order
        self.mesh = data.mesh
        self.threads = thread_count(size) if self.mesh is None else 1
        self.capacity = min(max(CAPACITY // size, 16), 1024)

    def start(self, runs: Run, seeds: np.ndarray, order_seeds: np.ndarray) -> RunState:
        """Every member before its first step."""
        orders = order_seeds[0] if self.shared_order else order_seeds
        states: RunState = jit_init(_start, "shared_order", "mesh")(
            runs, self._first(), seeds, orders, shared_order=self.shared_order, mesh=self.mesh
        )
        return states

    def shapes(self, runs: Run) -> RunState:
        """The shapes of what `start` gives."""
        seeds = jax.ShapeDtypeStruct((self.size,), np.uint32)
        orders = jax.ShapeDtypeStruct(() if self.shared_order else (self.size,), np.uint32)
        states: RunState = jit_init(_start, "shared_order", "mesh").eval_shape(
            runs, self._first(), seeds, orders, shared_order=self.shared_order, mesh=self.mesh
        )
        shaped: RunState = constrain(self.mesh, states, member_axes(self.shared_order))
        return shaped

    def _first(self) -> PyTree:
        """A row, for its shape."""
        return jax.tree.map(lambda leaf: leaf[:1], self.data.rows.x)

    def put(self, states: RunState) -> RunState:
        """Saved states on the devices, as `advance` takes them."""
        return reshard(self.mesh, states, member_axes(self.shared_order))

    def advance(
        self, runs: Run, states: RunState, start: int, stop: int
    ) -> tuple[RunState, EpochMetrics]:
        """The states at step `stop`, and metrics (M, capacity): the epochs that ended first."""
        # Compiled before, as threads don't inherit JAX's settings.
        program, span = self.lower(runs, states).compile(), (np.int32(start), np.int32(stop))

        @transfers
        def run_thread(number: int) -> tuple[RunState, EpochMetrics]:
            result: tuple[RunState, EpochMetrics] = jax.block_until_ready(
                program(runs, states, self.data, *span, np.int32(number))
            )
            return result

        if self.threads == 1:
            return run_thread(0)
        with ThreadPoolExecutor(self.threads) as pool:
            parts = list(pool.map(run_thread, range(self.threads)))
        return concatenate_threads(parts, size=self.size)

    def lower(self, runs: Run, states: RunState) -> Lowered:
        """The program that `advance` runs in each thread, lowered."""
        zero = np.int32(0)
        return _advance.lower(runs, states, self.data, zero, zero, zero, **self._static())

    def _static(self) -> dict[str, object]:
        return {
            "capacity": self.capacity,
            "shared_order": self.shared_order,
            "threads": self.threads,
            "mesh": self.mesh,
        }


def stack(runs: Sequence[Run]) -> Run:
    """Runs of one structure as one, every number an array (M,)."""
    dtype = wide(runs[0].objective.policy.dtype)
    leaves = {key: jax.tree.leaves(run) for key, run in {id(run): run for run in runs}.items()}
    columns = zip(*(leaves[id(run)] for run in runs), strict=True)
    stacked: Run = jax.tree.unflatten(
        jax.tree.structure(runs[0]), [np.array(values, dtype) for values in columns]
    )
    return stacked


@functools.partial(jax.jit, static_argnames="mesh")
def take_members(
    runs: Run, states: RunState, index: np.ndarray, mesh: Mesh | None
) -> tuple[Run, RunState]:
    """The members of those numbers."""

    def take(leaf: jax.Array) -> jax.Array:
        return leaf[index]

    chosen = jax.tree.map(take, runs), by_member(take, states)
    constrained: tuple[Run, RunState] = constrain(
        mesh, chosen, (0, member_axes(states.order_key.ndim == 0))
    )
    return constrained


def _start(
    runs: Run,
    x: PyTree,
    seeds: jax.Array,
    order_seeds: jax.Array,
    *,
    shared_order: bool,
    mesh: Mesh | None,
) -> RunState:
    def one(run: Run, seed: jax.Array, order_seed: jax.Array) -> RunState:
        return init_state(run, shape_of(x), seed=seed, order_seed=order_seed)

    states: RunState = vmap_on(
        mesh, one, in_axes=(0, 0, None if shared_order else 0), out_axes=member_axes(shared_order)
    )(runs, seeds, order_seeds)
    return states


@functools.partial(
    jax.jit,
    static_argnames=("capacity", "shared_order", "threads", "mesh"),
)
def _advance(
    runs: Run,
    states: RunState,
    data: SweepData,
    start: int,
    stop: int,
    thread: int,
    *,
    capacity: int,
    shared_order: bool,
    threads: int,
    mesh: Mesh | None,
) -> tuple[RunState, EpochMetrics]:
    """The members of one thread at step `stop`, of all members at step `start`."""

    def one(
        run: Run, state: RunState, data: SweepData, start: jax.Array, stop: jax.Array
    ) -> tuple[RunState, EpochMetrics]:
        rows, validation, target_scale = data
        return segment(
            run,
            state,
            rows,
            validation,
            start=start,
            stop=stop,
            capacity=capacity,
            target_scale=target_scale,
        )

    axes = member_axes(shared_order)
    if threads > 1:
        own = functools.partial(thread_slice, thread=thread, threads=threads)
        runs, states = jax.tree.map(own, runs), by_member(own, states)
    mapped = vmap_on(mesh, one, in_axes=(0, axes, None, None, None), out_axes=(axes, 0))
    advanced: tuple[RunState, EpochMetrics] = mapped(runs, states, data, start, stop)
    return advanced


def shares_order(members: Sequence[Member]) -> bool:
    """Whether all see their batches in one order."""
    return len({member.order_seed for member in members}) == 1


class MemberSnapshot(NamedTuple):
    """The state of members, as far as the host needs it."""

    params: PyTree
    state: PyTree
    epoch: jax.Array
    best_epoch: jax.Array
    active: jax.Array
    finite: jax.Array
    """whether the present parameters are finite"""


@jax.jit
def member_snapshot(runs: Run, states: RunState) -> MemberSnapshot:
    """The parameters to use of every member, and how far it came."""

    def one(run: Run, state: RunState) -> MemberSnapshot:
        params, layers = final_parameters(run, state)
        leaves = jax.tree.leaves((state.params, state.state))
        finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()
        best = jnp.zeros((), jnp.int32) if state.best is None else state.best.epoch
        return MemberSnapshot(params, layers, state.epoch, best, state.active, finite)

    snapshot: MemberSnapshot = jax.vmap(one, in_axes=(0, member_axes(states.order_key.ndim == 0)))(
        runs, states
    )
    return snapshot
