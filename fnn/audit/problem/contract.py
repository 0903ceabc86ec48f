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
        self.location = f"{path} ({type(layer).__name__})"
        self.inner = _with_layers(layer, path)

    def forward(
        self, params: PyTree, state: PyTree, x: PyTree, *, train: bool, key: jax.Array | None
    ) -> tuple[PyTree, PyTree, PyTree]:
        result = self._call("forward", params, state, x, train=train, key=key)
        if not isinstance(result, tuple) or len(result) != 3:
            raise FnnError(
                f"forward gave {_kind(result)}; expected (y, state, tape)", self.location
            )
        y, new, tape = result
        return y, new, (tape, x)

    def backward(self, params: PyTree, tape: PyTree, dy: PyTree) -> tuple[PyTree, PyTree]:
        inner, x = tape
        result = self._call("backward", params, inner, dy)
        if not isinstance(result, tuple) or len(result) != 2:
            raise FnnError(f"backward gave {_kind(result)}; expected (dx, dparams)", self.location)
        dx, grads = result
        self._same("dparams", grads, "the parameters", params)
        floats = jax.tree.map(lambda leaf: leaf if _floating(leaf) else None, x)
        self._same("dx", dx, "the input", floats)
        return dx, grads

    def _call(self, name: str, *args: PyTree, **options: PyTree) -> PyTree:
        method: Callable[..., PyTree] = getattr(self.inner, name)
        try:
            return method(*args, **options)
        except FnnError:
            raise
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            message = f"{name} raised {type(error).__name__}: {str(error).strip().splitlines()[0]}"
            location = f"(line {frame.lineno} of {frame.filename})"
            raise FnnError(f"{message} {location}", self.location) from error

    def _same(self, name: str, result: PyTree, of: str, wanted: PyTree) -> None:
        if _described(result) != _described(wanted):
            shown = f"{_described(result)}; {of}: {_described(wanted)}".replace("'", "")
            raise ShapeError(f"backward gave {name} of {shown}", self.location)


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


def _kind(result: object) -> str:
    return f"{len(result)} things" if isinstance(result, tuple) else type(result).__name__
