"""The layer contract: what a layer is, on one screen."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from fnn.shapes import Axes, check_features, check_leaves
from fnn.spec import FnnError

Array: TypeAlias = jax.Array
Key: TypeAlias = jax.Array | None
"""of `jax.random`; None where nothing is drawn"""
PyTree: TypeAlias = Any
"""A pytree of arrays or of their shapes. mypy can't follow a nesting of any depth."""
Params: TypeAlias = dict[str, PyTree]
"""Parameters by name: a dictionary, because penalties and weight decay follow the name `weight`."""
State: TypeAlias = dict[str, PyTree]
"""Running statistics by name, apart from the parameters: gradients never see them."""
Grads: TypeAlias = dict[str, PyTree]
"""Gradients in the structure of the parameters."""
Tape: TypeAlias = PyTree
"""What `backward` needs of `forward`; each layer narrows it to what its own tape is."""
Forward: TypeAlias = tuple[PyTree, State, Tape]
"""What `forward` gives: y, the new state and the tape."""


class KeyMissingError(FnnError):
    """A layer draws random numbers and was called without a key, or with something else."""


class Child(NamedTuple):
    """A layer inside a combinator: where it sits, what reaches it, how often it runs."""

    path: str
    layer: Layer
    in_shape: PyTree
    times: int = 1


class Layer(ABC):
    """A pure function of parameters, state and input, with its backward pass written by hand.

    A concrete layer is a `@spec`. Shapes are pytrees of `jax.ShapeDtypeStruct` without the batch
    axis. A layer states how many trailing axes are features; whatever stands before them is batch.
    Layers compute in the dtype of `x` (normalization and softmax in float32 or wider) and keep it.

    What a layer takes it declares (`check_input`, `in_features`, `param_shapes`, `state_shapes`);
    `out_shape`, `init` and `forward` of every subclass check it before they run.
    """

    def out_shape(self, in_shape: PyTree) -> PyTree:
        """The shape after this layer. Raises `ShapeError` for an input that it can't take."""
        self.check_input(in_shape)
        return in_shape

    def init(self, key: Key, in_shape: PyTree) -> tuple[Params, State]:
        """Parameters and state (running statistics, which gradients never see)."""
        return {}, {}

    @abstractmethod
    def forward(self, params: Params, state: State, x: PyTree, *, train: bool, key: Key) -> Forward:
        """`y`, the new state, and a tape of what `backward` needs and no more."""

    @abstractmethod
    def backward(self, params: Params, tape: Tape, dy: PyTree) -> tuple[PyTree, Grads]:
        """`dx` and `dparams` for the cotangent `dy` of `y`; `dx` of an integer input is None."""

    def apply(
        self, params: Params, state: State, x: PyTree, *, train: bool = False, key: Key = None
    ) -> tuple[PyTree, State]:
        """`forward` without its tape, which costs nothing under `jit`."""
        y, state, _ = self.forward(params, state, x, train=train, key=key)
        return y, state

    def children(self, in_shape: PyTree) -> tuple[Child, ...]:
        """The layers that a combinator holds, in the order in which they run."""
        return ()

    def mean_size(self, in_shape: PyTree, rows: int) -> int | None:
        """Over how many values a layer that standardizes takes a mean, in a batch of `rows`."""
        return None

    def check_input(self, x: PyTree) -> None:  # noqa: B027 (a combinator takes what its layers take)
        """Raises `ShapeError` for an input (or a shape) of the wrong kind, or with too few axes."""

    def in_features(self, params: Params) -> Axes:
        """The trailing axes of the inputs that the parameters were initialized for."""
        return ()

    def param_shapes(self, features: Axes) -> dict[str, Axes] | None:
        """The shapes of the parameters for those trailing axes; None leaves them unchecked."""
        return None

    def state_shapes(self, features: Axes) -> dict[str, Axes]:
        """The shapes of the state."""
        return {}

    def check_forward(self, params: Params, state: State, x: PyTree, train: bool) -> None:
        """Raises `ShapeError` unless parameters, state and input fit the layer and each other."""
        self.check_input(x)
        features = self.in_features(params)
        shapes = self.param_shapes(features)
        if shapes is not None:
            check_leaves(self, params, shapes)
            check_leaves(self, state, self.state_shapes(features), "state")
        check_features(self, x, features)

    def __init_subclass__(cls) -> None:
        """Checks stand here once, not in front of each layer's mathematics; `jit` traces them."""
        for name, checked in _CHECKED.items():
            if name in cls.__dict__:
                setattr(cls, name, checked(cls.__dict__[name]))


def _checked_shape(method: Callable[[Layer, PyTree], PyTree]) -> Callable[..., PyTree]:
    @functools.wraps(method)
    def out_shape(self: Layer, in_shape: PyTree) -> PyTree:
        self.check_input(in_shape)
        return method(self, in_shape)

    return out_shape


def _checked_init(method: Callable[[Layer, Key, PyTree], PyTree]) -> Callable[..., PyTree]:
    @functools.wraps(method)
    def init(self: Layer, key: Key, in_shape: PyTree) -> PyTree:
        self.check_input(in_shape)
        return method(self, key, in_shape)

    return init


def _checked_forward(method: Callable[..., Forward]) -> Callable[..., Forward]:
    @functools.wraps(method)
    def forward(
        self: Layer, params: Params, state: State, x: PyTree, *, train: bool, key: Key
    ) -> Forward:
        self.check_forward(params, state, x, train)
        return method(self, params, state, x, train=train, key=key)

    return forward


_CHECKED: dict[str, Callable[..., Callable[..., PyTree]]] = {
    "out_shape": _checked_shape,
    "init": _checked_init,
    "forward": _checked_forward,
}


@dataclass(frozen=True)
class Example:
    """A layer and an input that it takes: each module of layers declares its own in `examples()`.

    The gates, the covering design, random networks and the faults that fit any layer are derived
    from them, so declare one for every mode that changes the program.

        def examples() -> tuple[Example, ...]:
            return (
                Example("dense", Dense(4), shape(5)),
                Example("dense over time", Dense(4), shape(3, 5)),
            )
    """

    name: str
    """in the titles of tests"""
    spec: Layer
    in_shape: PyTree
    """without the batch axis; its floats are computed in every width"""
    train: bool = True
    """the mode that it runs in"""
    per_example: bool = True
    """whether `jax.vmap(apply)` over single examples is the batched call"""


@jax.tree_util.register_static
@dataclass(frozen=True)
class Static:
    """A fact known while tracing (which mode ran, widths) that rides in a tape without a leaf."""

    value: Hashable


def require_key(layer: Layer, key: Key) -> Array:
    """The key of a layer that draws random numbers."""
    if key is None:
        raise KeyMissingError(f"{layer} draws random numbers here: pass key=jax.random.key(seed)")
    return _checked(key)


def fold(key: Key, index: int | Array) -> Key:
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


def is_weight(path: tuple[object, ...]) -> bool:
    """Decay and penalties follow the leaf name `weight`, never its rank."""
    return getattr(path[-1], "key", None) == "weight" if path else False
