"""A layer, loss, penalty or objective whose value is right and whose backward pass is wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import jax

from fnn.layer import Child, Layer, PyTree, Static
from fnn.losses import Loss, Penalty
from fnn.objective import Aux, Batch, Objective, Policy

FaultyBackward = Callable[..., Any]
"""a backward pass with a mistake in it: a function of a module, so that it can be hashed"""
T = TypeVar("T")


def transparent(cls: type[T]) -> type[T]:
    """A pytree with the children and keys of what it wraps, so that no path changes."""

    def flatten_with_keys(planted: Any) -> tuple[list[tuple[Any, Any]], tuple[Any, FaultyBackward]]:
        children, structure = one_level(planted.inner)
        return children, (structure, planted.faulty_backward)

    def unflatten(aux: tuple[Any, FaultyBackward], children: Any) -> Any:
        structure, wrong = aux
        return cls(structure.unflatten(children), wrong)  # type: ignore[call-arg]

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten)
    return cls


def one_level(tree: Any) -> tuple[list[tuple[Any, Any]], Any]:
    """The children of a node, each with its key, and the structure that holds them."""
    pairs, structure = jax.tree_util.tree_flatten_with_path(
        tree, is_leaf=lambda node: node is not tree
    )
    return [(path[0], child) for path, child in pairs], structure


class Tape(NamedTuple):
    """What a planted layer keeps: all that any mistake may reach for."""

    x: PyTree
    y: PyTree
    state: PyTree
    key: jax.Array | None
    train: Static
    inner: PyTree


@dataclass(frozen=True)
class Call:
    """One application of a layer, as its wrong backward pass sees it."""

    layer: Any
    params: PyTree
    x: Any
    y: Any
    state: PyTree
    key: jax.Array | None
    train: bool
    tape: Any
    """the layer's own"""

    def right(self, dy: PyTree) -> tuple[PyTree, PyTree]:
        """The right `dx` and `dparams`."""
        dx, grads = self.layer.backward(self.params, self.tape, dy)
        return dx, grads


@transparent
@dataclass(frozen=True, eq=False, repr=False)
class FaultyLayer(Layer):
    """`inner` with `wrong(call, dy)` for its backward pass."""

    inner: Layer
    faulty_backward: FaultyBackward

    def out_shape(self, in_shape: PyTree) -> PyTree:
        return self.inner.out_shape(in_shape)

    def init(self, key: jax.Array | None, in_shape: PyTree) -> tuple[PyTree, PyTree]:
        return self.inner.init(key, in_shape)

    def forward(
        self, params: PyTree, state: PyTree, x: PyTree, *, train: bool, key: jax.Array | None
    ) -> tuple[PyTree, PyTree, PyTree]:
        y, new, tape = self.inner.forward(params, state, x, train=train, key=key)
        return y, new, Tape(x, y, state, key, Static(train), tape)

    def backward(self, params: PyTree, tape: PyTree, dy: PyTree) -> tuple[PyTree, PyTree]:
        x, y, state, key, train, inner = tape
        call = Call(self.inner, params, x, y, state, key, train.value, inner)
        dx, grads = self.faulty_backward(call, dy)
        return dx, grads

    def children(self, in_shape: PyTree) -> tuple[Child, ...]:
        return self.inner.children(in_shape)

    def __repr__(self) -> str:
        return _shown(self)


@transparent
@dataclass(frozen=True, eq=False, repr=False)
class FaultyLoss(Loss):
    """`inner` with `wrong(loss, output, target)` for its gradient."""

    inner: Loss
    faulty_backward: FaultyBackward

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return self.inner.per_example(output, target)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        gradient: jax.Array = self.faulty_backward(self.inner, output, target)
        return gradient

    def __repr__(self) -> str:
        return _shown(self)


@transparent
@dataclass(frozen=True, eq=False, repr=False)
class FaultyPenalty(Penalty):
    """`inner` with `wrong(penalty, params)` for its gradient."""

    inner: Penalty
    faulty_backward: FaultyBackward

    @property
    def strength(self) -> float:  # type: ignore[override]
        return self.inner.strength

    def element(self, weight: jax.Array) -> jax.Array:
        return self.inner.element(weight)

    def slope(self, weight: jax.Array) -> jax.Array:
        return self.inner.slope(weight)

    def gradient(self, params: PyTree) -> PyTree:
        return self.faulty_backward(self.inner, params)

    def __repr__(self) -> str:
        return _shown(self)


@transparent
@dataclass(frozen=True, eq=False, repr=False)
class FaultyObjective:
    """`inner` with `wrong(objective, output, batch)` for the cotangent of the network's output.

    An objective with a mistake deeper inside is one too, because an `Objective` holds only specs.
    """

    inner: Objective
    faulty_backward: FaultyBackward

    @property
    def net(self) -> Layer:
        return self.inner.net

    @property
    def loss(self) -> Loss:
        return self.inner.loss

    @property
    def penalties(self) -> tuple[Penalty, ...]:
        return self.inner.penalties

    @property
    def policy(self) -> Policy:
        return self.inner.policy

    @functools.wraps(Objective.init)
    def init(self, *args: Any) -> tuple[PyTree, PyTree]:
        return self.inner.init(*args)

    @functools.wraps(Objective.predict)
    def predict(self, *args: Any) -> jax.Array:
        return self.inner.predict(*args)

    @functools.wraps(Objective.value)
    def value(self, *args: Any, **options: Any) -> tuple[jax.Array, Aux]:
        return self.inner.value(*args, **options)

    @functools.wraps(Objective.score)
    def score(self, *args: Any) -> tuple[jax.Array, Aux]:
        return self.inner.score(*args)

    def output_gradient(self, output: jax.Array, batch: Batch) -> jax.Array:
        """The wrong one."""
        gradient: jax.Array = self.faulty_backward(self.inner, output, batch)
        return gradient

    def __repr__(self) -> str:
        return _shown(self)


def inject_fault(right: Any, wrong: FaultyBackward) -> Any:
    """The same layer, loss, penalty or objective with a wrong backward pass."""
    wrappers = {Layer: FaultyLayer, Loss: FaultyLoss, Penalty: FaultyPenalty}
    for family, wrapper in wrappers.items():
        if isinstance(right, family):
            return wrapper(right, wrong)
    return FaultyObjective(right, wrong)


def correct_cotangent(objective: Objective, output: jax.Array, batch: Batch) -> jax.Array:
    """The objective's own cotangent, where the mistake is somewhere inside."""
    return objective.output_gradient(output, batch)


def _shown(result: Any) -> str:
    return f"Planted({result.inner!r}, {result.faulty_backward.__name__})"
