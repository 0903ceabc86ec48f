"""What happens inside a network as it trains, by layer and leaf."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn.layer import PyTree
from fnn.ops.norm import norm
from fnn.spec import named_leaves

SHIFTS = ("bias", "shift")


class Monitors(NamedTuple):
    """Over an epoch's steps, by path.

    gradient_norm: the mean Euclidean norm of a leaf's gradient.
    update_ratio: the mean of |update| / |parameters|, norms over a leaf; 1e-3 is a healthy size.
    dead_units: the share of a layer's units that no gradient reached in any step, by the layer of
        their bias (or shift): they never fire behind a ReLU, or are saturated to the last bit.

    While the epoch runs they are sums, and masks of the units that were reached.

    Cost: a pass over gradients, updates and parameters at every step, so the smaller the batch the
    larger its share. A network 784-128-64-10 in batches of 128 takes 1.1 to 1.3 times as long (two
    CPU cores). What is computed otherwise stays the same to rounding.
    """

    gradient_norm: dict[str, jax.Array]
    update_ratio: dict[str, jax.Array]
    dead_units: dict[str, jax.Array]


def start(params: PyTree) -> Monitors:
    """Before the first step of an epoch."""
    leaves = named_leaves(params)
    zeros = {path: jnp.zeros((), leaf.dtype) for path, leaf in leaves.items()}
    reached = {path: jnp.zeros(leaf.shape, bool) for path, leaf in _shifts(leaves).items()}
    return Monitors(zeros, dict(zeros), reached)


def after_step(monitors: Monitors, params: PyTree, grads: PyTree, updates: PyTree) -> Monitors:
    """One more step: its gradient, its update, and the parameters before it."""
    gradient, update, weight = map(named_leaves, (grads, updates, params))

    def ratio(path: str) -> jax.Array:
        length = norm(weight[path])
        return jnp.where(length > 0, norm(update[path]) / jnp.where(length > 0, length, 1), 0)

    return Monitors(
        {path: total + norm(gradient[path]) for path, total in monitors.gradient_norm.items()},
        {path: total + ratio(path) for path, total in monitors.update_ratio.items()},
        {
            layer: seen | (grad != 0)
            for (layer, seen), grad in zip(
                monitors.dead_units.items(), _shifts(gradient).values(), strict=True
            )
        },
    )


def report(monitors: Monitors, steps: int) -> Monitors:
    """The values of an epoch of so many steps, from its sums."""
    return Monitors(
        {path: total / steps for path, total in monitors.gradient_norm.items()},
        {path: total / steps for path, total in monitors.update_ratio.items()},
        {layer: (~seen).mean() for layer, seen in monitors.dead_units.items()},
    )


def _shifts(leaves: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """What is added to each unit, by the path of its layer."""
    split = ((*path.rpartition("."), leaf) for path, leaf in leaves.items())
    return {layer: leaf for layer, _, name, leaf in split if name in SHIFTS}
