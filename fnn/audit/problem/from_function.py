"""Any function and its claimed gradient as a problem to audit: JAX's, NumPy's, PyTorch's."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from fnn.audit.differences.finite_differences import NARROW
from fnn.audit.problem.from_network import chunk_size
from fnn.audit.problem.leaves import (
    by_path,
    checked_leaves,
    gradient_by_path,
    in_tree_order,
    rebuilder,
    to_numpy,
)
from fnn.audit.problem.problem import Array, Leaves, Problem, largest
from fnn.host import fetch
from fnn.layer import PyTree
from fnn.spec import FnnError, ShapeError

Function = Callable[..., PyTree]
Args = tuple[PyTree, ...]


def problem_of(f: Function, gradient: Function, args: Args) -> Problem:
    """The audit of `gradient(*args)` as that of `f(*args)` by the first argument."""
    if not args:
        raise FnnError("the function needs at least one argument to differentiate by", "args")
    leaves = checked_leaves(args[0])
    rebuild = rebuilder(args[0])
    epsilon = max(float(jnp.finfo(leaf.dtype).eps) for leaf in leaves.values())

    def value(point: Leaves) -> float:
        return _scalar(call(f, "f", rebuild(point), *args[1:]))

    first, second = value(leaves), value(leaves)
    if not np.isfinite(first):
        raise FnnError(f"is {first} at the point given; expected a finite number", "f")
    if abs(first - second) > 64 * epsilon * abs(first):
        raise FnnError(
            f"gives {first!r} and then {second!r} for the same arguments; a function that draws "
            "random numbers must draw them from a key or seed among its arguments",
            "f",
        )

    def claimed(point: Leaves) -> Leaves:
        result = call(gradient, "gradient", rebuild(point), *args[1:])
        return gradient_by_path(result, args[0], leaves)

    _check_size(claimed(leaves), leaves)
    traced = _trace(f, args, first, epsilon)
    problem = Problem(
        point=leaves,
        values=_values_one_by_one(value) if traced is None else _compiled_values(traced),
        claimed=claimed,
        automatic=None if traced is None else _automatic(traced),
        independent=False,
        epsilon=epsilon,
        value_epsilon=epsilon,
        eager=None if traced is None else _unfused(traced),
        other_way=_compiled_gradient(gradient, args, leaves),
        forward=None if traced is None else _forward(traced),
        curvature=None if traced is None else _curvature(traced),
    )
    return in_own_precision(problem, value)


def in_own_precision(problem: Problem, value: Callable[[Leaves], float]) -> Problem:
    """float32's, for what gives float64 but has computed in float32 inside."""
    if problem.epsilon > NARROW:
        return problem
    narrow = float(jnp.finfo("float32").eps)
    points = [problem.point, *(problem.beside(1e-3, seed) for seed in range(3))]
    gradients = [problem.claimed]
    if problem.automatic is not None:
        gradients.append(problem.automatic)
    if all(
        _fits_float32(leaf)
        for point in points  # small differences of numbers have few digits at one point by chance
        for gradient in gradients
        for leaf in gradient(point).values()
    ):
        problem = replace(problem, epsilon=narrow)
    if all(_fits_float32(value(point)) for point in points):
        problem = replace(problem, value_epsilon=narrow)
    return problem


def _fits_float32(result: object) -> bool:
    array = np.asarray(result, np.float64)
    with np.errstate(over="ignore"):
        return bool((array == array.astype(np.float32).astype(np.float64)).all())


def call(function: Function, name: str, *args: PyTree) -> PyTree:
    """The function's answer. What it raises becomes an `FnnError` that says where.

    Raises it too where the function has changed its arguments: every call must see the same.
    """
    before = _bytes(args)
    try:
        result = function(*args)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        message = str(error).strip().split("\n")[0]
        raise FnnError(
            f"raised {type(error).__name__}: {message} (line {frame.lineno} of {frame.filename})",
            name,
        ) from error
    if _bytes(args) != before:
        raise FnnError("changes its arguments in place; expected them to be left alone", name)
    return result


def _bytes(args: Args) -> list[bytes]:
    """What a function could change in place: NumPy's arrays."""
    return [leaf.tobytes() for leaf in jax.tree.leaves(args) if isinstance(leaf, np.ndarray)]


def _check_size(result: Leaves, leaves: Leaves) -> None:
    """Raises `FnnError` for a gradient of subnormal numbers: JAX takes them for zeros."""
    tiny = min(float(jnp.finfo(leaf.dtype).tiny) for leaf in leaves.values())
    if 0 < largest(result) < tiny:
        raise FnnError(
            f"is {largest(result):.3g} at the most, below the smallest normal number, {tiny:.3g}, "
            "where digits are lost; multiply the function by a constant",
            "gradient",
        )


def _scalar(result: object) -> float:
    try:
        array = to_numpy(result)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.shape != ():
        raise ShapeError(f"gives an array of shape {array.shape}; expected one number", "f")
    if np.issubdtype(array.dtype, np.integer) or array.dtype == bool:
        words = f"gives {array.dtype}, which has no derivative; expected one floating-point number"
        raise FnnError(words, "f")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise FnnError(f"gives {type(result).__name__}; expected one floating-point number", "f")
    return float(array)


def _trace(
    f: Function, args: Args, expected: float, epsilon: float
) -> Callable[[Leaves], jax.Array] | None:
    """The function of the leaves by path, if JAX can trace it and it then gives the same number."""
    leaves, structure = jax.tree.flatten(args[0])
    if any(hasattr(leaf, "detach") for leaf in leaves):
        return None

    def traced(point: Leaves) -> jax.Array:
        return f(jax.tree.unflatten(structure, in_tree_order(args[0], point)), *args[1:])

    point = by_path(args[0])
    try:
        value = jax.jit(traced)(point)
        jax.eval_shape(jax.grad(traced), point)
    except Exception:  # NumPy refuses tracers in many ways; the function itself has just worked
        return None
    return traced if abs(float(value) - expected) <= 1e6 * epsilon * (1 + abs(expected)) else None


def _automatic(traced: Callable[[Leaves], jax.Array]) -> Callable[[Leaves], Leaves]:
    grad = jax.jit(jax.grad(lambda ordered: traced(ordered)))

    def automatic(point: Leaves) -> Leaves:
        return {path: np.asarray(leaf, np.float64) for path, leaf in grad(point).items()}

    return automatic


def _compiled_gradient(
    gradient: Function, args: Args, leaves: Leaves
) -> Callable[[Leaves], Leaves] | None:
    """The claimed gradient under `jit`, where JAX can trace it."""
    original, structure = jax.tree.flatten(args[0])
    if any(hasattr(leaf, "detach") for leaf in original):
        return None

    @jax.jit
    def run(point: Leaves) -> PyTree:
        return gradient(jax.tree.unflatten(structure, in_tree_order(args[0], point)), *args[1:])

    try:
        jax.eval_shape(run, leaves)
    except Exception:  # as in `_trace`
        return None
    return lambda point: gradient_by_path(run(point), args[0], leaves)


def _forward(traced: Callable[[Leaves], jax.Array]) -> Callable[[Leaves, Leaves], float]:
    run = jax.jit(lambda point, move: jax.jvp(traced, (point,), (move,))[1])
    return lambda point, move: float(run(point, move))


def _curvature(traced: Callable[[Leaves], jax.Array]) -> Callable[[Leaves, Leaves], Leaves]:
    run = jax.jit(lambda point, move: jax.jvp(jax.grad(traced), (point,), (move,))[1])
    return lambda point, move: fetch(run(point, move))


def _unfused(traced: Callable[[Leaves], jax.Array]) -> Callable[[Leaves], Leaves]:
    """The automatic gradient, each operation rounded by itself, in one program.

    Run without `jit` it would be the same, and would compile a program for each operation.
    """
    passes = {"xla_disable_hlo_passes": "fusion,cpu-instruction-fusion,algsimp"}
    grad = jax.jit(jax.grad(lambda point: traced(point)), compiler_options=passes)
    return lambda point: {path: np.asarray(leaf, np.float64) for path, leaf in grad(point).items()}


def _values_one_by_one(value: Callable[[Leaves], float]) -> Callable[..., Array]:
    def values(point: Leaves, path: str, direction: Array, steps: Array) -> Array:
        leaf = point[path]
        there = ((leaf + step * direction).astype(leaf.dtype) for step in steps)
        return np.array([value({**point, path: moved}) for moved in there])

    return values


def _compiled_values(traced: Callable[[Leaves], jax.Array]) -> Callable[..., Array]:
    @jax.jit
    def run(point: Leaves, move: Leaves, steps: jax.Array) -> jax.Array:
        def value(step: jax.Array) -> jax.Array:
            return traced(
                jax.tree.map(lambda leaf, d: leaf + step.astype(leaf.dtype) * d, point, move)
            )

        chunk = chunk_size(point, len(steps))
        return jax.lax.map(value, steps, batch_size=chunk)

    def values(point: Leaves, path: str, direction: Array, steps: Array) -> Array:
        move = {**{name: np.zeros_like(leaf) for name, leaf in point.items()}}
        move[path] = direction.astype(point[path].dtype)
        result = run(point, move, steps.astype(point[path].dtype))
        return np.asarray(result, np.float64)

    return values
