"""The numbers of a spec as arrays, by path, and replaced by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import KeyPath
from jax.typing import ArrayLike, DTypeLike

from fnn.spec.checks import check_number_at
from fnn.spec.errors import SpecError, choice, error_path
from fnn.spec.kinds import is_spec

T = TypeVar("T")


def numbers(spec: T, dtype: DTypeLike | None = None) -> T:
    """The spec with every number an array of one dtype (default: JAX's default float).

    Call it on what goes into a compiled function: a Python float and a member of a sweep then
    share dtype and cache entry.
    """
    dtype = dtype or jnp.result_type(float)

    def convert(leaf: ArrayLike) -> jax.Array | np.ndarray:
        return leaf.astype(dtype) if isinstance(leaf, jax.Array) else np.asarray(leaf, dtype)

    return jax.tree.map(convert, spec)


def path_name(path: KeyPath) -> str:
    """A key path as written in Python: `net.layers[3].rate`."""
    parts = []
    for key in path:
        name = getattr(key, "name", getattr(key, "key", None))
        index = getattr(key, "idx", name)
        parts.append(f".{name}" if isinstance(name, str) else f"[{index!r}]")
    return "".join(parts).removeprefix(".")


def named_leaves(tree: object) -> dict[str, Any]:
    """The leaves of a pytree by their path: the numbers of a spec, the arrays of parameters."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {path_name(path): leaf for path, leaf in leaves}


def with_numbers(spec: T, values: Mapping[str, object]) -> T:
    """The spec with other numbers, named by their path or by its tail.

    `{"optimizer.learning_rate": 0.01}` changes one leaf; `{"rate": 0.5}` every leaf of that name.
    Values may be tracers, so this is how a sweep is written:
    `jax.vmap(lambda rate: loss(with_numbers(net, {"rate": rate})))(rates)`.

    Raises `SpecError` for a name that no leaf has, and for a value that the field may not hold.
    """
    known = named_leaves(spec)
    for name in values:
        if not any(matches(path, name) for path in known):
            tails = {path.rpartition(".")[2] for path in known}
            raise SpecError(f"no number is called {name!r}{choice(name, tails.union(known))}")

    def replaced(path: KeyPath, leaf: object) -> object:
        here = path_name(path)
        new = [value for name, value in values.items() if matches(here, name)]
        if not new:
            return leaf
        owner = _follow(spec, path[:-1])
        if is_spec(owner):
            with error_path(here):
                check_number_at(owner, path[-1].name, new[-1])
        return new[-1]

    return jax.tree_util.tree_map_with_path(replaced, spec)


def _follow(tree: Any, path: KeyPath) -> object:
    """The node at the end of a path of fields, keys and indices."""
    for key in path:
        if isinstance(key, jax.tree_util.GetAttrKey):
            tree = getattr(tree, key.name)
        else:
            tree = tree[getattr(key, "idx", getattr(key, "key", None))]
    return tree


def matches(path: str, name: str) -> bool:
    """Whether a name stands for a path: all of it, or its tail."""
    return path == name or path.endswith("." + name)
