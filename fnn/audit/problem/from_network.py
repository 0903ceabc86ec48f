"""A network and its loss as a problem to audit: gradients of the parameters and of the input."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import KeyPath
from jax.typing import DTypeLike

from fnn.audit.problem.problem import Array, Leaves, Problem
from fnn.gradients import manual
from fnn.host import fetch
from fnn.layer import PyTree
from fnn.objective import Batch, Objective, Policy
from fnn.spec import join, named_leaves, numbers, path_name

T = TypeVar("T")
CHUNK_BYTES = 2**26
"""of parameters that are held at once while the function is evaluated along a direction"""


class NetworkPoint(NamedTuple):
    """All that the gradient depends on beside the leaves that are moved."""

    params: PyTree
    state: PyTree
    batch: Batch
    key: jax.Array


def problem_of(
    objective: Objective, by_hand: Objective, setting: NetworkPoint, *, train: bool, dtype: str
) -> Problem:
    """The audit of `by_hand`'s manual gradient as that of `objective`, in a dtype.

    The function's values and the automatic gradient are float64 throughout, of the same numbers,
    so that float32 and bfloat16 are measured against what they approximate.
    """
    narrow = jnp.dtype("float64" if dtype == "float64" else "float32")
    exact = in_dtype(numbers(objective, narrow), "float64")
    setting = setting._replace(**as_float(setting._asdict(), narrow))
    wide = as_float(setting, jnp.dtype("float64"))
    claim = functools.partial(
        _manual, in_dtype(numbers(by_hand, narrow), dtype), setting, train=train
    )
    near = functools.partial(
        _automatic, in_dtype(numbers(objective, narrow), dtype), setting, train=train
    )
    leaves = float_leaves(setting.params, setting.batch.x)
    point = {path: np.asarray(leaf) for path, leaf in leaves.items()}

    def values(point: Leaves, path: str, direction: Array, steps: Array) -> Array:
        point = as_float(point, jnp.dtype("float64"))
        move = {**jax.tree.map(np.zeros_like, point), path: direction.astype(np.float64)}
        chunk = chunk_size(point, len(steps))
        result = _values(exact, wide, point, move, steps, train=train, chunk=chunk)
        return np.asarray(result)

    return Problem(
        point=point,
        values=values,
        claimed=_to_numpy(claim),
        automatic=lambda point: _to_numpy(functools.partial(_automatic, exact, wide, train=train))(
            as_float(point, jnp.dtype("float64"))
        ),
        independent=True,
        epsilon=float(jnp.finfo("bfloat16" if dtype == "bfloat16" else narrow).eps),
        value_epsilon=float(jnp.finfo("float64").eps),
        rounded=None if dtype == "float64" else _to_numpy(near),
        other_way=_to_numpy(functools.partial(_without_jit, claim)),
        forward=lambda point, move: float(_forward(exact, wide, *_wide(point, move), train=train)),
        curvature=lambda point, move: fetch(
            _curvature(exact, wide, *_wide(point, move), train=train)
        ),
    )


def in_dtype(objective: T, dtype: str) -> T:
    """The objective with another precision, its numbers arrays that suit it."""
    if dtype == "float64":
        objective = numbers(objective, jnp.float64)
    policy = Policy(dtype)  # type: ignore[arg-type]
    return jax.tree.map(
        lambda node: policy if isinstance(node, Policy) else node,
        objective,
        is_leaf=lambda node: isinstance(node, Policy),
    )


def as_float(tree: T, dtype: DTypeLike) -> T:
    """Floating-point leaves in that dtype; the others stay as they are.

    They are converted on the host, which compiles no program for each shape.
    """

    def convert(leaf: PyTree) -> PyTree:
        if not jnp.issubdtype(leaf.dtype, jnp.floating) or leaf.dtype == dtype:
            return leaf
        converted = fetch(leaf).astype(dtype)
        return jax.device_put(converted) if isinstance(leaf, jax.Array) else converted

    return jax.tree.map(convert, tree)


def chunk_size(point: Leaves, steps: int) -> int:
    """How many points are evaluated at once within `CHUNK_BYTES`: a power of two."""
    size = max(sum(leaf.size for leaf in point.values()), 1) * 8
    fits = max(CHUNK_BYTES // size, 1)
    return int(min(2 ** int(np.log2(fits)), steps))


def _without_jit(function: Callable[[Leaves], Leaves], point: Leaves) -> Leaves:
    with jax.disable_jit():
        return function(point)


def _wide(*trees: Leaves) -> tuple[Leaves, ...]:
    return as_float(trees, jnp.dtype("float64"))


def _to_numpy(function: Callable[[Leaves], Leaves]) -> Callable[[Leaves], Leaves]:
    return lambda point: {
        path: np.asarray(leaf, np.float64) for path, leaf in function(point).items()
    }


def float_leaves(params: PyTree, x: PyTree) -> Leaves:
    """The floating-point leaves of parameters and input, by path."""
    leaves = {path or "parameter": leaf for path, leaf in named_leaves(params).items()}
    leaves |= {join("input", path): leaf for path, leaf in named_leaves(x).items()}
    return {
        path: leaf
        for path, leaf in leaves.items()
        if leaf is not None and jnp.issubdtype(leaf.dtype, jnp.floating)
    }


def _with_leaves_in(tree: PyTree, prefix: str, point: Leaves) -> PyTree:
    """The tree with the point's leaves in it, in the dtype of its own."""

    def exchange(path: KeyPath, leaf: PyTree) -> PyTree:
        result = point.get(join(prefix, path_name(path)))
        return leaf if result is None else result.astype(leaf.dtype)

    return jax.tree_util.tree_map_with_path(exchange, tree)


def with_leaves(setting: NetworkPoint, point: Leaves) -> tuple[PyTree, Batch]:
    """Parameters and batch with the point's leaves in them."""
    x = _with_leaves_in(setting.batch.x, "input", point)
    return _with_leaves_in(setting.params, "", point), setting.batch._replace(x=x)


@functools.partial(jax.jit, static_argnames="train")
def _manual(objective: Objective, setting: NetworkPoint, point: Leaves, *, train: bool) -> Leaves:
    params, batch = with_leaves(setting, point)
    _, grads, dx = manual.backpropagate(
        objective, params, setting.state, batch, train=train, key=setting.key
    )
    return float_leaves(grads, dx)


def _value(objective: Objective, setting: NetworkPoint, point: Leaves, train: bool) -> jax.Array:
    params, batch = with_leaves(setting, point)
    return objective.value(params, setting.state, batch, train=train, key=setting.key)[0]


@functools.partial(jax.jit, static_argnames="train")
def _automatic(
    objective: Objective, setting: NetworkPoint, point: Leaves, *, train: bool
) -> Leaves:
    grads: Leaves = jax.grad(lambda point: _value(objective, setting, point, train))(
        jax.tree.map(jnp.asarray, point)
    )
    return grads


@functools.partial(jax.jit, static_argnames="train")
def _forward(
    objective: Objective, setting: NetworkPoint, point: Leaves, move: Leaves, *, train: bool
) -> jax.Array:
    """The slope along a direction by forward mode."""
    return jax.jvp(lambda point: _value(objective, setting, point, train), (point,), (move,))[1]


@functools.partial(jax.jit, static_argnames="train")
def _curvature(
    objective: Objective, setting: NetworkPoint, point: Leaves, move: Leaves, *, train: bool
) -> Leaves:
    """The Hessian times a direction, by forward over reverse mode."""
    grad = jax.grad(lambda point: _value(objective, setting, point, train))
    product: Leaves = jax.jvp(grad, (point,), (move,))[1]
    return product


@functools.partial(jax.jit, static_argnames=("train", "chunk"))
def _values(
    objective: Objective,
    setting: NetworkPoint,
    point: Leaves,
    move: Leaves,
    steps: jax.Array,
    *,
    train: bool,
    chunk: int,
) -> jax.Array:
    """The function along a direction, some steps at a time."""

    def value(step: jax.Array) -> jax.Array:
        there = jax.tree.map(lambda leaf, d: leaf + step * d, point, move)
        return _value(objective, setting, there, train)

    return jax.lax.map(value, steps, batch_size=chunk)
