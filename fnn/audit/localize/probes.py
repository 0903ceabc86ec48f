"""Where a fault is: every layer's own backward against `jax.vjp`, on the cotangent that reaches it.

Each layer is wrapped by a probe whose backward returns, in place of the parameters' gradient, what
the layer gave and what it should have given; so combinators, scans included, return the evidence as
they return gradients. A combinator is probed with children that differentiate themselves by
`jax.vjp`, so that its own mistakes alone are seen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from fnn.audit.problem.from_network import NetworkPoint, with_leaves
from fnn.audit.problem.problem import Leaves
from fnn.layer import Layer, PyTree, Static
from fnn.objective import Batch, Objective
from fnn.spec import join, named_leaves, path_name

LayerT = TypeVar("LayerT", bound=Layer)


class Probed(NamedTuple):
    """One layer: what it was given, what it gave back, what would have been right."""

    params: PyTree
    state: PyTree
    x: PyTree
    y: PyTree
    dy: PyTree
    manual: Leaves
    """gradients by leaf; `input` for the input's"""
    expected: Leaves
    inside: PyTree
    """of a combinator: its parameters' structure, with what was seen of its children"""


class _Automatic(Layer):
    """A layer whose backward is `jax.vjp` of its forward."""

    def __init__(self, layer: Layer) -> None:
        self.inner = layer

    def forward(
        self, params: PyTree, state: PyTree, x: PyTree, *, train: bool, key: jax.Array | None
    ) -> tuple[PyTree, PyTree, PyTree]:
        y, new = self.inner.apply(params, state, x, train=train, key=key)
        return y, new, (state, x, key, Static(train))

    def backward(self, params: PyTree, tape: PyTree, dy: PyTree) -> tuple[PyTree, PyTree]:
        state, x, key, train = tape
        _, grads, dx = _vjp(self.inner, params, state, x, key, train.value, dy)
        return dx, grads


class _Probe(Layer):
    """A layer that returns what it gives and what it should give."""

    def __init__(self, layer: Layer) -> None:
        self.inner = with_children(layer, _Probe)
        self.alone = with_children(layer, _Automatic)

    def forward(
        self, params: PyTree, state: PyTree, x: PyTree, *, train: bool, key: jax.Array | None
    ) -> tuple[PyTree, PyTree, PyTree]:
        y, new, tape = self.inner.forward(params, state, x, train=train, key=key)
        return y, new, (tape, state, x, key, Static(train))

    def backward(self, params: PyTree, tape: PyTree, dy: PyTree) -> tuple[PyTree, PyTree]:
        inner, state, x, key, train = tape
        y, grads, expected = _vjp(self.alone, params, state, x, key, train.value, dy)
        _, _, alone_tape = self.alone.forward(params, state, x, train=train.value, key=key)
        own_dx, own_grads = self.alone.backward(params, alone_tape, dy)
        try:
            dx, inside = self.inner.backward(params, inner, dy)
        except Exception:  # it calculates with its layers' gradients, which are evidence here
            dx, inside = own_dx, {}
        probed = Probed(
            params,
            state,
            x,
            y,
            dy,
            _leaves(own_grads, own_dx, x),
            _leaves(grads, expected, x),
            inside,
        )
        return dx, probed


def with_children(layer: LayerT, wrap: Callable[[Layer], Layer]) -> LayerT:
    """The spec with each layer right inside it wrapped."""
    leaves, structure = jax.tree.flatten(
        layer, is_leaf=lambda node: node is not layer and isinstance(node, Layer)
    )
    return jax.tree.unflatten(
        structure, [wrap(leaf) if isinstance(leaf, Layer) else leaf for leaf in leaves]
    )


def _vjp(
    layer: Layer,
    params: PyTree,
    state: PyTree,
    x: PyTree,
    key: jax.Array | None,
    train: bool,
    dy: PyTree,
) -> tuple[PyTree, PyTree, PyTree]:
    """The output and, for its cotangent, those of parameters and input (None where integer)."""

    def apply(params: PyTree, floats: Leaves) -> PyTree:
        return layer.apply(params, state, _with(x, floats), train=train, key=key)[0]

    y, pull = jax.vjp(apply, params, _floats(x))
    grads, dx = pull(dy)
    return y, grads, _with(jax.tree.map(lambda leaf: None, x), dx)


def _floats(x: PyTree) -> Leaves:
    return {
        path: leaf
        for path, leaf in named_leaves(x).items()
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    }


def _with(x: PyTree, floats: Leaves) -> PyTree:
    """The tree with other leaves where there are any by that path."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: floats.get(path_name(path), leaf), x, is_leaf=lambda leaf: leaf is None
    )


def _leaves(grads: PyTree, dx: PyTree, x: PyTree) -> Leaves:
    result = {path: leaf for path, leaf in named_leaves(grads).items() if leaf is not None}
    return result | {
        join("input", path): leaf for path, leaf in named_leaves(dx).items() if leaf is not None
    }


@functools.partial(jax.jit, static_argnames="train")
def run_probes(
    objective: Objective, setting: NetworkPoint, point: Leaves, *, train: bool
) -> dict[str, Probed]:
    """What every part of the objective gave at a point: net, loss, objective, penalties."""
    params, batch = with_leaves(setting, point)
    x = objective.policy.cast(batch.x)
    net = _Probe(objective.net)
    output, _, tape = net.forward(params, setting.state, x, train=train, key=setting.key)
    dy = objective.output_gradient(output, batch)
    _, probed = net.backward(params, tape, dy)
    result = {"net": probed, **_probe_ends(objective, params, setting.state, output, batch)}
    return result


def _probe_ends(
    objective: Objective, params: PyTree, state: PyTree, output: jax.Array, batch: Batch
) -> dict[str, Probed]:
    """Loss, weighting and penalties, which are no layers."""

    def total(output: jax.Array) -> jax.Array:
        return objective.loss.per_example(output, batch.target).sum()

    def mean(output: jax.Array) -> jax.Array:
        return objective.score(params, state, output, batch)[1].loss

    def probed(manual: PyTree, expected: PyTree, x: PyTree) -> Probed:
        return Probed(params, {}, x, None, batch, named(manual), named(expected), {})

    def named(tree: PyTree) -> Leaves:
        return {path or "output": leaf for path, leaf in named_leaves(tree).items()}

    expected = jax.grad(total)(output)
    result = {"loss": probed(objective.loss.gradient(output, batch.target), expected, output)}
    weighted = objective.output_gradient(output, batch)
    result["objective"] = probed(weighted, jax.grad(mean)(output), output)
    for index, penalty in enumerate(objective.penalties):
        expected = jax.grad(penalty.value)(params)
        result[f"penalties[{index}]"] = probed(penalty.gradient(params), expected, output)
    return result


def by_path(result: dict[str, Probed]) -> dict[str, Probed]:
    """Every layer at any depth by its path, the inner before the outer, then the other parts."""
    layers: dict[str, Probed] = {}
    _collect(layers, "net", result["net"])
    return {**layers, **{path: probed for path, probed in result.items() if path != "net"}}


def _collect(layers: dict[str, Probed], path: str, probed: Probed) -> None:
    inside, _ = jax.tree_util.tree_flatten_with_path(
        probed.inside, is_leaf=lambda node: isinstance(node, Probed)
    )
    for keys, node in inside:
        if isinstance(node, Probed):
            _collect(layers, join(path, path_name(keys)), node)
    layers[path] = probed


def largest_errors(manual: Leaves, expected: Leaves) -> dict[str, float]:
    """The largest difference in each leaf; infinite where one is not finite or has no peer."""
    result = {}
    for leaf, correct in expected.items():
        claimed = manual.get(leaf)
        if claimed is None or claimed.shape != correct.shape:
            result[leaf] = float("inf")
            continue
        difference = np.abs(np.asarray(claimed) - np.asarray(correct))
        worst = float(difference.max(initial=0))
        result[leaf] = worst if np.isfinite(worst) else float("inf")
    return result
