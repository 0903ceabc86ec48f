"""The layer contract: what a layer is, on one screen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnn.spec import FnnError

Tree = Any
"""A pytree of arrays: parameters, state, gradients, or several inputs."""


class KeyMissingError(FnnError):
    """A layer draws random numbers, and no key (or something else) came."""


class Child(NamedTuple):
    """A layer inside a combinator: where it sits, what reaches it, how often it runs."""

    path: str
    layer: Layer
    in_shape: Tree
    times: int = 1


class Layer(ABC):
    """A pure function of parameters, state and input, with its backward pass written by hand.

    A concrete layer is a `@spec`. Shapes are pytrees of `jax.ShapeDtypeStruct` without the batch
    axis. A layer states how many trailing axes are features; whatever stands before them is batch.
    Layers compute in the dtype of `x` (normalization and softmax in float32 or wider) and keep it.
    """

    def out_shape(self, in_shape: Tree) -> Tree:
        """The shape after this layer. Raises `ShapeError` for an input that it can't take."""
        return in_shape

    def init(self, key: jax.Array | None, in_shape: Tree) -> tuple[Tree, Tree]:
        """Parameters and state (running statistics, which gradients never see)."""
        return {}, {}

    @abstractmethod
    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        """`y`, the new state, and a tape of what `backward` needs and no more."""

    @abstractmethod
    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
        """`dx` and `dparams` for the cotangent `dy` of `y`; `dx` of an integer input is None."""

    def apply(
        self,
        params: Tree,
        state: Tree,
        x: Tree,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[Tree, Tree]:
        """`forward` without its tape, which costs nothing under `jit`."""
        y, state, _ = self.forward(params, state, x, train=train, key=key)
        return y, state

    def children(self, in_shape: Tree) -> tuple[Child, ...]:
        """The layers that a combinator holds, in the order in which they run."""
        return ()


@dataclass(frozen=True)
class Example:
    """A layer and an input that it takes: each module of layers declares its own in `examples()`.

    The gates, the covering design and random networks are derived from them.
    """

    name: str
    spec: Layer
    in_shape: Tree
    """without the batch axis; its floats stand for floats of any width"""
    train: bool = True
    per_example: bool = True
    """whether `jax.vmap(apply)` over single examples is the batched call"""


@jax.tree_util.register_static
@dataclass(frozen=True)
class Static:
    """A fact known while tracing (which mode ran, widths) that rides in a tape without a leaf."""

    value: Hashable


def require_key(layer: Layer, key: jax.Array | None) -> jax.Array:
    """The key of a layer that draws random numbers."""
    if key is None:
        raise KeyMissingError(f"{layer} draws random numbers here: pass key=jax.random.key(seed)")
    return _checked(key)


def fold(key: jax.Array | None, index: Any) -> jax.Array | None:
    """A key of its own for child number `index`."""
    return None if key is None else jax.random.fold_in(_checked(key), index)


def _checked(key: jax.Array) -> jax.Array:
    if isinstance(key, int):
        raise KeyMissingError(f"expected a key: write jax.random.key({key}), not {key}")
    if not isinstance(key, jax.Array):
        raise KeyMissingError(f"expected a key as jax.random.key makes one, got {key!r}")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if key.ndim != (0 if typed else 1):
        many = key.shape if typed else key.shape[:-1]
        raise KeyMissingError(f"expected one key, got an array {many} of them: see jax.vmap")
    return key


def is_weight(path: tuple[Any, ...]) -> bool:
    """Decay and penalties follow the leaf name `weight`, never its rank."""
    return getattr(path[-1], "key", None) == "weight" if path else False
