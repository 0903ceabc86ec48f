"""A function of several outputs and its claimed vjp, as one problem for each cotangent.

For a fixed cotangent u the claimed Jᵀu is the gradient of the scalar ⟨u, f(x)⟩. All cotangents
share one compiled program, because u is an argument of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from fnn.audit.problem.from_function import call, in_own_precision
from fnn.audit.problem.leaves import (
    ALONE,
    checked_leaves,
    gradient_by_path,
    in_tree_order,
    rebuilder,
    to_numpy,
)
from fnn.audit.problem.problem import Array, Leaves, Problem
from fnn.layer import PyTree
from fnn.spec import FnnError, named_leaves

OUTPUT = "output"
"""the path of an output that is one array"""
Function = Callable[..., PyTree]


def is_float(leaf: PyTree) -> bool:
    """Whether a leaf can have a derivative."""
    return bool(jnp.issubdtype(to_numpy(leaf).dtype, jnp.floating))


@dataclass(frozen=True)
class Vectors:
    """A function by its first argument, whose floating-point leaves alone are differentiated."""

    f: Function
    vjp: Function
    """(*args, u): the claimed Jᵀu, like the first argument"""
    args: tuple[PyTree, ...]
    name: str = "vjp"
    """of the claim, in errors"""
    leaves: Leaves = field(init=False)
    fixed: Leaves = field(init=False)
    """integer and boolean leaves"""

    def __post_init__(self) -> None:
        if not self.args:
            raise FnnError("the function needs at least one argument to differentiate by", "args")
        named = {path or ALONE: leaf for path, leaf in named_leaves(self.args[0]).items()}
        floats = {path: leaf for path, leaf in named.items() if is_float(leaf)}
        fixed = {path: to_numpy(leaf) for path, leaf in named.items() if path not in floats}
        object.__setattr__(self, "fixed", fixed)
        object.__setattr__(self, "leaves", checked_leaves(floats) if floats or not fixed else {})

    @cached_property
    def output(self) -> PyTree:
        """What the function gives at its arguments."""
        output = call(self.f, "f", self.rebuild(self.leaves), *self.args[1:])
        for path, leaf in named_leaves(output).items():
            array = to_numpy(leaf)
            if array.dtype == jax.dtypes.float0:
                continue
            if not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
                raise FnnError(f"gives {type(leaf).__name__}; expected arrays", path or OUTPUT)
            if np.iscomplexobj(array):
                raise FnnError("gives complex numbers; expected real ones", path or OUTPUT)
            if is_float(array) and not np.isfinite(array).all():
                raise FnnError("holds numbers that are not finite", path or OUTPUT)
        return output

    @cached_property
    def outputs(self) -> Leaves:
        """The output's leaves, by path."""
        return {path or OUTPUT: to_numpy(x) for path, x in named_leaves(self.output).items()}

    @cached_property
    def rebuild(self) -> Callable[[Leaves], PyTree]:
        """From the floating-point leaves to the first argument."""
        whole = rebuilder(self.args[0])
        return lambda point: whole({**self.fixed, **point})

    def problem(self, cotangent: Leaves) -> Problem:
        """The scalar ⟨u, f(x)⟩, and the claimed Jᵀu as its gradient."""
        epsilon = max(float(jnp.finfo(leaf.dtype).eps) for leaf in self.leaves.values())

        def value(point: Leaves) -> float:
            result = call(self.f, "f", self.rebuild(point), *self.args[1:])
            return float(_product(_by_path(result), cotangent, np))

        def one_by_one(point: Leaves, path: str, direction: Array, steps: Array) -> Array:
            leaf = point[path]
            there = ((leaf + step * direction).astype(leaf.dtype) for step in steps)
            return np.array([value({**point, path: moved}) for moved in there])

        def compiled(point: Leaves, path: str, direction: Array, steps: Array) -> Array:
            move = {name: np.zeros_like(leaf) for name, leaf in point.items()}
            move[path] = direction.astype(point[path].dtype)
            where = steps.astype(point[path].dtype)
            return np.asarray(self._run(point, cotangent, move, where), np.float64)

        problem = Problem(
            point=self.leaves,
            values=compiled if self._is_traced else one_by_one,
            claimed=lambda point: self.claimed(point, cotangent),
            automatic=self._automatic(cotangent) if self._has_gradient else None,
            independent=False,
            epsilon=epsilon,
            value_epsilon=epsilon,
        )
        return in_own_precision(problem, value)

    def claimed(self, point: Leaves, cotangent: Leaves) -> Leaves:
        """The claimed Jᵀu of the floating-point leaves."""
        named = self._products(point, cotangent)
        floats = {path: leaf for path, leaf in named.items() if path not in self.fixed}
        return gradient_by_path(floats, self.leaves, self.leaves)

    def largest_claim(self) -> float:
        """The largest claimed derivative of outputs none of which can have one."""
        if not self.leaves:
            return 0.0
        claimed = self._products(self.leaves, {})
        floats = [to_numpy(claimed[path]) for path in self.leaves.keys() & claimed.keys()]
        floats = [leaf for leaf in floats if leaf.dtype != jax.dtypes.float0]
        return max((float(np.abs(leaf).max(initial=0)) for leaf in floats), default=0.0)

    def spurious(self, cotangent: Leaves) -> dict[str, float]:
        """The largest claimed derivative by each leaf that can have none."""
        named = self._products(self.leaves, cotangent)
        largest = dict.fromkeys(self.fixed, 0.0)
        for path in self.fixed.keys() & named.keys():
            array = to_numpy(named[path])
            if array.dtype != jax.dtypes.float0:
                largest[path] = float(np.abs(array.astype(np.float64)).max(initial=0))
        return largest

    def _products(self, point: Leaves, cotangent: Leaves) -> Leaves:
        return self._claim(self.rebuild(point), *self.args[1:], self.like(cotangent))

    @cached_property
    def _claim(self) -> Callable[..., Leaves]:
        """The claimed vjp by path: compiled where that gives what a plain call gives."""

        def plain(*args: PyTree) -> Leaves:
            try:
                result = call(self.vjp, self.name, *args)
            except FnnError as error:
                if isinstance(error.__cause__, FnnError):
                    raise error.__cause__ from None
                raise
            return {path or ALONE: leaf for path, leaf in named_leaves(result).items()}

        ones = {path: np.ones_like(leaf) for path, leaf in self.outputs.items() if is_float(leaf)}
        args = (self.rebuild(self.leaves), *self.args[1:], self.like(ones))
        expected = plain(*args)
        compiled = jax.jit(plain)
        try:
            same = jax.tree.map(_is_close, compiled(*args), expected)
        except Exception:  # what can't be traced is called as it is
            return plain
        return compiled if jax.tree.all(same) else plain

    def like(self, cotangent: Leaves) -> PyTree:
        """A cotangent as a tree like the output; float0 for outputs that are not floats."""
        original, structure = jax.tree.flatten(self.output)
        paths = [path or OUTPUT for path in named_leaves(self.output)]
        leaves: list[PyTree] = []
        for path, leaf in zip(paths, original, strict=True):
            if path not in cotangent:
                leaves.append(np.zeros(np.shape(leaf), jax.dtypes.float0))
            elif hasattr(leaf, "new_tensor"):
                leaves.append(leaf.new_tensor(cotangent[path]))
            else:
                array = jnp.asarray if isinstance(leaf, jax.Array) else np.asarray
                leaves.append(array(cotangent[path]))
        return jax.tree.unflatten(structure, leaves)

    def _traced(self, point: Leaves, cotangent: Leaves) -> jax.Array:
        whole = in_tree_order(self.args[0], {**self.fixed, **point})
        result = self.f(jax.tree.unflatten(jax.tree.structure(self.args[0]), whole), *self.args[1:])
        return jnp.asarray(_product(_by_path(result), cotangent, jnp))

    @cached_property
    def _run(self) -> Callable[..., jax.Array]:
        @jax.jit
        def run(point: Leaves, cotangent: Leaves, move: Leaves, steps: jax.Array) -> jax.Array:
            def value(step: jax.Array) -> jax.Array:
                moved = jax.tree.map(lambda x, d: x + step.astype(x.dtype) * d, point, move)
                return self._traced(moved, cotangent)

            return jax.lax.map(value, steps)

        return run

    @cached_property
    def _is_traced(self) -> bool:
        """Whether JAX can trace the function, so that all steps are one program."""
        if any(hasattr(leaf, "detach") for leaf in jax.tree.leaves(self.args[0])):
            return False
        ones = {path: np.ones_like(leaf) for path, leaf in self.outputs.items() if is_float(leaf)}
        try:
            value = float(jax.jit(self._traced)(self.leaves, ones))
        except Exception:  # NumPy refuses tracers in many ways; the function itself has just worked
            return False
        expected = float(_product(self.outputs, ones, np))
        size = 1 + sum(float(np.abs(self.outputs[path]).sum()) for path in ones)
        return abs(value - expected) <= 1e-2 * size

    @cached_property
    def _has_gradient(self) -> bool:
        """Whether JAX can differentiate it too; a kernel may have no reverse mode."""
        if not self._is_traced:
            return False
        ones = {path: np.ones_like(leaf) for path, leaf in self.outputs.items() if is_float(leaf)}
        try:
            jax.eval_shape(jax.grad(self._traced), self.leaves, ones)
        except Exception:  # whatever a kernel without a derivative raises
            return False
        return True

    @cached_property
    def _grad(self) -> Callable[..., PyTree]:
        return jax.jit(jax.grad(self._traced))

    def _automatic(self, cotangent: Leaves) -> Callable[[Leaves], Leaves]:
        def automatic(point: Leaves) -> Leaves:
            result = self._grad(point, cotangent)
            return {path: np.asarray(leaf, np.float64) for path, leaf in result.items()}

        return automatic


def _by_path(output: PyTree) -> Leaves:
    return {path or OUTPUT: leaf for path, leaf in named_leaves(output).items()}


def _is_close(leaf: PyTree, other: PyTree) -> bool:
    one, two = to_numpy(leaf), to_numpy(other)
    if one.dtype != two.dtype or one.dtype == jax.dtypes.float0:
        return bool(one.dtype == two.dtype)
    scale = np.abs(two).max(initial=0)
    return bool(np.abs(one - two).max(initial=0) <= 1e3 * jnp.finfo(one.dtype).eps * scale)


def _product(output: Leaves, cotangent: Leaves, numpy: PyTree) -> PyTree:
    """⟨u, output⟩, over the outputs that can have a derivative."""
    total: PyTree = 0.0
    for path, u in cotangent.items():
        leaf = output[path] if numpy is jnp else to_numpy(output[path])
        total = total + numpy.vdot(u, leaf)
    return total
