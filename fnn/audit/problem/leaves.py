"""The argument that a function is differentiated by: its leaves as NumPy arrays, and back again."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from fnn.audit.problem.problem import Array, Leaves
from fnn.layer import PyTree
from fnn.spec import FnnError, ShapeError, named_leaves

ALONE = "args[0]"
"""the path of a first argument that is one array"""


def checked_leaves(tree: PyTree) -> Leaves:
    """The leaves by path. Raises `FnnError` for an empty tree and leaves that are not floats."""
    result = {}
    for path, leaf in named_leaves(tree).items():
        location = _argument_path(path)
        try:
            array = to_numpy(leaf)
        except (TypeError, ValueError) as error:
            raise FnnError(f"expected an array, got {type(leaf).__name__}", location) from error
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise FnnError(
                f"has dtype {array.dtype}; only floating-point numbers have a gradient. "
                "Pass it as a later argument",
                location,
            )
        if array.dtype not in (np.float64, np.float32):
            raise FnnError(f"has dtype {array.dtype}; expected float64 or float32", location)
        if not np.isfinite(array).all():
            raise FnnError("holds numbers that are not finite", location)
        result[path or ALONE] = array
    if len(result) < len(jax.tree.leaves(tree)):
        raise FnnError("has several leaves of one name", ALONE)
    if not result:
        raise FnnError("holds no arrays; expected a pytree of floating-point arrays", ALONE)
    return result


def gradient_by_path(result: PyTree, original: PyTree, leaves: Leaves) -> Leaves:
    """The claimed gradient by path. Raises where structure, shape or dtype differs."""
    claimed = {path or ALONE: leaf for path, leaf in named_leaves(result).items()}
    missing, unknown = leaves.keys() - claimed.keys(), claimed.keys() - leaves.keys()
    if missing or unknown or str(jax.tree.structure(result)) != str(jax.tree.structure(original)):
        details = [f"{path} is missing" for path in sorted(missing)]
        details += [f"{path} is not in the argument" for path in sorted(unknown)]
        if not details:
            details = [f"{jax.tree.structure(result)}, not {jax.tree.structure(original)}"]
        raise ShapeError(
            f"has another structure than the argument: {'; '.join(details)}", "gradient"
        )
    arrays: Leaves = {path: to_numpy(claimed[path]) for path in leaves}
    messages = []
    for path, leaf in leaves.items():
        if arrays[path].shape != leaf.shape:
            messages.append(f"{path} has shape {arrays[path].shape}; expected {leaf.shape}")
        elif arrays[path].dtype != leaf.dtype:
            messages.append(f"{path} has dtype {arrays[path].dtype}; expected {leaf.dtype}")
    if messages:
        raise ShapeError(", ".join(messages), "gradient")
    return {path: array.astype(np.float64) for path, array in arrays.items()}


def to_numpy(leaf: PyTree) -> np.ndarray:
    """A leaf of JAX, NumPy, PyTorch or Python as a NumPy array."""
    if hasattr(leaf, "detach"):
        leaf = leaf.detach().cpu()
    return np.asarray(leaf)


def rebuilder(tree: PyTree) -> Callable[[Leaves], PyTree]:
    """From arrays by path to a tree like the one given, its leaves of the kinds given."""
    original, structure = jax.tree.flatten(tree)

    def like(leaf: PyTree, array: Array) -> PyTree:
        if hasattr(leaf, "new_tensor"):
            return leaf.new_tensor(array)
        if isinstance(leaf, jax.Array):
            return jnp.asarray(array, leaf.dtype)
        return type(leaf)(array) if isinstance(leaf, float) else array.astype(array.dtype)

    def rebuild(point: Leaves) -> PyTree:
        pairs = zip(original, in_tree_order(tree, point), strict=True)
        return jax.tree.unflatten(structure, [like(leaf, array) for leaf, array in pairs])

    return rebuild


def in_tree_order(tree: PyTree, point: Leaves) -> list[Array]:
    """The point's arrays in the order of the tree's leaves, which a dictionary does not keep."""
    return [point[path or ALONE] for path in named_leaves(tree)]


def by_path(tree: PyTree) -> Leaves:
    """The leaves of a tree as NumPy arrays, by their paths."""
    return {path or ALONE: to_numpy(leaf) for path, leaf in named_leaves(tree).items()}


def args_in_dtype(args: tuple[PyTree, ...], dtype: str) -> tuple[PyTree, ...]:
    """The arguments with every floating-point leaf in that dtype."""

    def convert(leaf: PyTree) -> PyTree:
        if hasattr(leaf, "detach"):
            if not leaf.is_floating_point():
                return leaf
            return leaf.double() if dtype == "float64" else leaf.float()
        floats = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if floats else leaf

    return jax.tree.map(convert, args)


def _argument_path(path: str) -> str:
    if not path:
        return ALONE
    return ALONE + path if path.startswith("[") else f"{ALONE}.{path}"
