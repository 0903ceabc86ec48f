"""What Optax computes from squares that overflow or cancel, computed without either."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from fnn.layer import Grads, Params, PyTree
from fnn.ops.norm import largest_entry, power_of_two


def clip_by_norm(max_norm: ArrayLike) -> optax.GradientTransformation:
    """All gradients together scaled to the Euclidean norm `max_norm` if theirs is larger.

    As `optax.clip_by_global_norm`, to the bit, but that gradients from about 1e19 up in float32,
    whose squares overflow, are not scaled to 0.
    """

    def update(grads: Grads, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        scale = power_of_two(largest_entry(jax.tree.leaves(grads)))
        scaled = jax.tree.map(lambda grad: grad / scale, grads)
        norm = optax.tree.norm(scaled)
        within = norm < max_norm / scale

        def clip(grad: jax.Array, scaled: jax.Array) -> jax.Array:
            return jnp.where(within, grad, scaled / norm * max_norm)

        return jax.tree.map(clip, grads, scaled), state

    return optax.GradientTransformation(optax.init_empty_state, update)


class CenteredState(NamedTuple):
    """Moving averages of the gradient and of its squared deviation from that."""

    mean: PyTree
    variance: PyTree


def scale_by_centered_rms(decay: ArrayLike, eps: ArrayLike) -> optax.GradientTransformation:
    """g / (√s + eps) with δ = g - m, s ← decay (s + (1 - decay) δ²), m ← m + (1 - decay) δ.

    s is v - m² for the moving average v of g², which cancels under a nearly constant gradient and
    then falls below 0; s can't (West 1979, doi:10.1145/359146.359153).
    """

    def init(params: Params) -> CenteredState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return CenteredState(zeros, zeros)

    def update(
        grads: Grads, state: CenteredState, params: PyTree = None
    ) -> tuple[PyTree, CenteredState]:
        delta = jax.tree.map(lambda grad, mean: grad - mean, grads, state.mean)
        mean = jax.tree.map(lambda mean, d: mean + (1 - decay) * d, state.mean, delta)
        variance = jax.tree.map(
            lambda s, d: decay * (s + (1 - decay) * jnp.square(d)), state.variance, delta
        )
        scaled = jax.tree.map(lambda grad, s: grad / (jnp.sqrt(s) + eps), grads, variance)
        return scaled, CenteredState(mean, variance)

    return optax.GradientTransformation(init, update)
