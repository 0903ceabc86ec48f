"""Squared near zero, absolute beyond."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.losses.loss import Loss, LossExample, paired
from fnn.ops.abs import absolute
from fnn.spec import number, spec


@spec("huber.v1")
class Huber(Loss):
    """ℓ = mean over features of ½ e² where |e| ≤ δ, δ (|e| − ½ δ) beyond (Huber 1964).

    Gradient: e cut to [−δ, δ], / features. Both branches agree at |e| = δ, so there is no corner.
    PyTorch's HuberLoss is the same; its SmoothL1Loss is this / δ.
    """

    task = "regression"
    delta: float = number(default=1.0, low=0)

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        error = absolute(output - paired(output, target))
        delta = jnp.asarray(self.delta, output.dtype)
        inside = jnp.minimum(error, delta)
        return (inside * (error - 0.5 * inside)).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        delta = jnp.asarray(self.delta, output.dtype)
        return jnp.clip(output - paired(output, target), -delta, delta) / output.shape[-1]


def examples() -> tuple[LossExample, ...]:
    """Cases that tests and audits are derived from."""
    return (
        LossExample("huber", Huber()),
        LossExample("huber, small delta", Huber(0.3)),
    )
