"""Members side by side on a CPU's cores: a program's steps are too short to be shared out.

Two threads of 32 members each take 0.57 times as long as one of 64 (digits 64-32-10, batches of 32,
2 cores).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from fnn.layer import PyTree
from fnn.training.program.epoch import EpochMetrics
from fnn.training.program.state import RunState


def thread_count(size: int) -> int:
    """In how many parts so many members run side by side: at most one a core, none of them idle."""
    cores = (os.cpu_count() or 1) if jax.default_backend() == "cpu" else 1
    return -(-size // -(-size // cores))


def thread_slice(leaf: jax.Array, thread: jax.Array | int, threads: int) -> jax.Array:
    """A thread's members; where they can't be divided, the last two threads overlap."""
    size = -(-leaf.shape[0] // threads)
    return jax.lax.dynamic_slice_in_dim(leaf, thread * size, size)


def by_member(change: Callable[..., jax.Array], *states: RunState) -> RunState:
    """`change` of every leaf that has a member axis; what is shared stays as in the first."""
    axes = member_axes(states[0].order_key.ndim == 0)
    return RunState._make(
        parts[0] if axis is None else jax.tree.map(change, *parts)
        for axis, *parts in zip(axes, *states, strict=True)
    )


@functools.partial(jax.jit, static_argnames="size")
def concatenate_threads(
    parts: Sequence[tuple[RunState, EpochMetrics]], *, size: int
) -> tuple[RunState, EpochMetrics]:
    """The members of all threads in one."""

    def join(*leaves: jax.Array) -> jax.Array:
        twice = sum(leaf.shape[0] for leaf in leaves) - size
        return jnp.concatenate([*leaves[:-1], leaves[-1][twice:]])

    states, metrics = zip(*parts, strict=True)
    return by_member(join, *states), jax.tree.map(join, *metrics)


def member_axes(shared_order: bool) -> PyTree:
    """Which parts of a `RunState` have a member axis: all, but for an order that is shared."""
    shared = {"order_key"} if shared_order else set()
    return RunState._make(None if name in shared else 0 for name in RunState._fields)
