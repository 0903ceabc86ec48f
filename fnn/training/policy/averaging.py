"""Averages of the parameters along a run: often better than the last ones, for little time.

An epoch of 784-128-64-10 in batches of 128 takes 1.00 to 1.05 times as long with one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from fnn.layer import PyTree
from fnn.spec import number, spec, static


class Averaging(ABC):
    """A mean of the parameters and of the layers' state; a concrete one is a `@spec`.

    Where a run has one, it is what validation measures, what `Selection` keeps and what a model
    is made of. Running statistics are averaged like parameters: they are not measured again for the
    mean, as PyTorch's `update_bn` does.
    """

    @abstractmethod
    def init(self, values: PyTree) -> PyTree:
        """The state before the first step."""

    def after_step(self, average: PyTree, values: PyTree) -> PyTree:
        """The state after one more step."""
        return average

    def after_epoch(self, average: PyTree, values: PyTree, epoch: jax.Array) -> PyTree:
        """The state after epoch number `epoch`, counted from 0."""
        return average

    @abstractmethod
    def value(self, average: PyTree, values: PyTree, epochs: jax.Array) -> PyTree:
        """The mean after that many epochs; `values`, the present ones, before there is any."""


@spec("moving_average.v1")
class MovingAverage(Averaging):
    """The exponential moving average over steps: (1 - d) Σᵢ dⁿ⁻ⁱ pᵢ / (1 - dⁿ), i = 1 … n.

    d = `decay`. The denominator makes it a mean of the parameters seen (as in Adam, section 3 of
    arXiv:1412.6980); PyTorch's and Keras's averages start from the initialization instead.
    """

    decay: float = number(default=0.999, low=0, below=1)

    def init(self, values: PyTree) -> PyTree:
        dtype = jnp.result_type(*jax.tree.leaves(values))
        return jax.tree.map(jnp.zeros_like, values), jnp.zeros((), dtype)

    def after_step(self, average: PyTree, values: PyTree) -> PyTree:
        total, weight = average
        move = _mover(self.decay)
        return jax.tree.map(move, total, values), move(weight, jnp.ones_like(weight))

    def value(self, average: PyTree, values: PyTree, epochs: jax.Array) -> PyTree:
        total, weight = average
        return _mean(total, weight, values)


@spec("last_epochs.v1")
class LastEpochs(Averaging):
    """The mean of what the last `epochs` epochs ended with, or of all if there were fewer.

    Stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407) over a window, so that it
    fits runs that stop early. It holds `epochs` copies of the parameters.
    """

    epochs: int = static(default=5, low=1)

    def init(self, values: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: jnp.zeros((self.epochs, *leaf.shape), leaf.dtype), values)

    def after_epoch(self, average: PyTree, values: PyTree, epoch: jax.Array) -> PyTree:
        slot = epoch % self.epochs
        return jax.tree.map(lambda all, one: all.at[slot].set(one), average, values)

    def value(self, average: PyTree, values: PyTree, epochs: jax.Array) -> PyTree:
        total = jax.tree.map(lambda leaf: leaf.sum(0), average)
        return _mean(total, jnp.minimum(epochs, self.epochs), values)


def _mean(total: PyTree, weight: jax.Array, values: PyTree) -> PyTree:
    """total / weight; `values` where the weight is 0."""

    def divide(total: jax.Array, value: jax.Array) -> jax.Array:
        return jnp.where(weight > 0, total / weight.astype(total.dtype), value)

    return jax.tree.map(divide, total, values)


def _mover(decay: ArrayLike) -> Callable[[jax.Array, jax.Array], jax.Array]:
    def move(old: jax.Array, new: jax.Array) -> jax.Array:
        d = jnp.asarray(decay, old.dtype)
        return d * old + (1 - d) * new

    return move
