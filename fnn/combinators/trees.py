"""Sums and checks of pytrees of inputs, parameters and outputs."""

from __future__ import annotations

import jax

from fnn.layer import PyTree
from fnn.spec import ShapeError, named_leaves


def add(a: PyTree, b: PyTree) -> PyTree:
    """Leaf by leaf; None (the cotangent of an integer input) stays None."""
    return jax.tree.map(lambda x, y: x + y, a, b)


def check_same(
    owner: object, first_words: str, first: PyTree, other_words: str, other: PyTree
) -> None:
    """Two inputs or outputs agree in structure, shapes and dtypes."""
    if _signature(first) != _signature(other):
        raise ShapeError(
            f"{type(owner).__name__}: {first_words} {_shown(first)}, "
            f"{other_words} {_shown(other)}; they must be the same"
        )


def check_children(owner: object, field: str, count: int, *trees: PyTree) -> None:
    """Parameters and state hold as many entries under a field as there are layers."""
    for tree in trees:
        length = len(tree[field]) if isinstance(tree, dict) and set(tree) == {field} else None
        if length != count:
            got = f"{length} {field}" if length is not None else jax.tree.structure(tree)
            raise ShapeError(f"{type(owner).__name__} has {count} {field}, was given {got}")


def check_stacked(owner: object, times: int, *trees: PyTree) -> None:
    """Every leaf carries a leading axis of that length."""
    for path, leaf in named_leaves(trees).items():
        if leaf.shape[:1] != (times,):
            raise ShapeError(
                f"{type(owner).__name__} stacks {times} layers along the first axis, but "
                f"{path.partition('.')[2]} has shape {leaf.shape}"
            )


def _signature(tree: PyTree) -> tuple[object, object]:
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def _shown(tree: PyTree) -> str:
    shown = jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree)
    return str(shown).replace("'", "")
