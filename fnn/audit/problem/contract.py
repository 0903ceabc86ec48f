"""Does every layer keep the contract? Asked of shapes alone, before anything is computed."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import TypeVar

import jax

from fnn.audit.problem.from_network import NetworkPoint
from fnn.gradients import manual
from fnn.layer import Layer, PyTree
from fnn.objective import Objective
from fnn.spec import FnnError, ShapeError, join, named_leaves, path_name

SpecT = TypeVar("SpecT")


def check_contract(objective: Objective, setting: NetworkPoint, train: bool) -> None:
    """Raises `FnnError`, naming layer and method, for what a layer raises or gives back wrongly."""
    watched = _with_layers(objective, "")
    jax.eval_shape(
        functools.partial(manual.backpropagate, watched, train=train),
        setting.params,
        setting.state,
        setting.batch,
        key=setting.key,
    )


class _Strict(Layer):
    """A layer whose answers must have the structure, shapes and dtypes that they ought to have."""

    def __init__(self, layer: Layer, path: str) -> None:
        self.place = f"{path} ({type(layer).__name__})"
        self.inner = _with_layers(layer, path)

    def forward(
        self, params: PyTree, state: PyTree, x: PyTree, *, train: bool, key: jax.Array | None
    ) -> tuple[PyTree, PyTree, PyTree]:
        found = self._asked("forward", params, state, x, train=train, key=key)
        if not isinstance(found, tuple) or len(found) != 3:
            raise FnnError(f"forward gave {_kind(found)}; expected (y, state, tape)", self.place)
        y, new, tape = found
        return y, new, (tape, x)

    def backward(self, params: PyTree, tape: PyTree, dy: PyTree) -> tuple[PyTree, PyTree]:
        inner, x = tape
        found = self._asked("backward", params, inner, dy)
        if not isinstance(found, tuple) or len(found) != 2:
            raise FnnError(f"backward gave {_kind(found)}; expected (dx, dparams)", self.place)
        dx, grads = found
        self._same("dparams", grads, "the parameters", params)
        floats = jax.tree.map(lambda leaf: leaf if _floating(leaf) else None, x)
        self._same("dx", dx, "the input", floats)
        return dx, grads

    def _asked(self, name: str, *args: PyTree, **options: PyTree) -> PyTree:
        method: Callable[..., PyTree] = getattr(self.inner, name)
        try:
            return method(*args, **options)
        except FnnError:
            raise
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            told = f"{name} raised {type(error).__name__}: {str(error).strip().splitlines()[0]}"
            place = f"(line {frame.lineno} of {frame.filename})"
            raise FnnError(f"{told} {place}", self.place) from error

    def _same(self, name: str, found: PyTree, of: str, wanted: PyTree) -> None:
        if _described(found) != _described(wanted):
            shown = f"{_described(found)}; {of}: {_described(wanted)}".replace("'", "")
            raise ShapeError(f"backward gave {name} of {shown}", self.place)


def _with_layers(tree: SpecT, path: str) -> SpecT:
    leaves, structure = jax.tree_util.tree_flatten_with_path(
        tree, is_leaf=lambda node: node is not tree and isinstance(node, Layer)
    )
    return jax.tree.unflatten(
        structure,
        [
            _Strict(leaf, join(path, path_name(keys))) if isinstance(leaf, Layer) else leaf
            for keys, leaf in leaves
        ],
    )


def _described(tree: PyTree) -> dict[str, str]:
    return {
        path or "it": f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in named_leaves(tree).items()
        if leaf is not None
    }


def _floating(leaf: PyTree) -> bool:
    return jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating)


def _kind(found: object) -> str:
    return f"{len(found)} things" if isinstance(found, tuple) else type(found).__name__
