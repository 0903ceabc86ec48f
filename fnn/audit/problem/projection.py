"""A scalar of a network without a loss."""

from __future__ import annotations

import jax

from fnn.losses import Loss
from fnn.spec import spec


@spec("projection.v1")
class Projection(Loss):
    """ℓ = Σ output · target over the last axis; its gradient is the target.

    With a random target it puts a random cotangent at the output of a network without a loss.
    """

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return (output * target.astype(output.dtype)).sum(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return target.astype(output.dtype)
