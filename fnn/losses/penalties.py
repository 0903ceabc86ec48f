"""Penalties on the leaves named `weight`."""

from __future__ import annotations

from abc import ABC, abstractmethod

import jax
import jax.numpy as jnp

from fnn.layer import Grads, Params, is_weight
from fnn.ops.abs import absolute, sign
from fnn.shapes import wide
from fnn.spec import number, spec


class Penalty(ABC):
    """strength · Σ f(w) over every leaf named `weight`; biases, scales and shifts are free."""

    strength: float

    @abstractmethod
    def element(self, weight: jax.Array) -> jax.Array:
        """f(w), element by element."""

    @abstractmethod
    def slope(self, weight: jax.Array) -> jax.Array:
        """f'(w)."""

    def value(self, params: Params) -> jax.Array:
        """The penalty, a scalar."""
        leaves, _ = jax.tree_util.tree_flatten_with_path(params)
        weights = [leaf for path, leaf in leaves if is_weight(path)]
        sums = [self.element(weight.astype(wide(weight.dtype))).sum() for weight in weights]
        total = sum(sums[1:], start=sums[0]) if sums else jnp.zeros(())
        return jnp.asarray(self.strength, total.dtype) * total

    def gradient(self, params: Params) -> Grads:
        """Its gradient, in the structure of the parameters."""

        def of(path: tuple[object, ...], leaf: jax.Array) -> jax.Array:
            if not is_weight(path):
                return jnp.zeros_like(leaf)
            return jnp.asarray(self.strength, leaf.dtype) * self.slope(leaf)

        grads: Grads = jax.tree_util.tree_map_with_path(of, params)
        return grads


@spec("l1.v1")
class L1(Penalty):
    """strength · Σ |w|; gradient strength · sign(w), with sign(0) = 0."""

    strength: float = number(low=0)

    def element(self, weight: jax.Array) -> jax.Array:
        return absolute(weight)

    def slope(self, weight: jax.Array) -> jax.Array:
        return sign(weight)


@spec("l2.v1")
class L2(Penalty):
    """strength · ½ Σ w²; gradient strength · w, which is SGD's weight decay of that strength.

    Keras writes λ Σ w², so its `l2(λ)` is `L2(2 λ)` here.
    """

    strength: float = number(low=0)

    def element(self, weight: jax.Array) -> jax.Array:
        return 0.5 * jnp.square(weight)

    def slope(self, weight: jax.Array) -> jax.Array:
        return weight


def examples() -> tuple[Penalty, ...]:
    """Cases that tests and audits are derived from."""
    return (L1(0.1), L2(0.1))
