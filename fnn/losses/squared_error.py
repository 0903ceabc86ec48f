"""Mean squared error."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.losses.loss import Loss, LossExample, paired
from fnn.spec import spec


@spec("squared_error.v1")
class SquaredError(Loss):
    """ℓ = mean over features of (output − target)²; gradient 2 (output − target) / features.

    The mean over examples makes it PyTorch's and Keras' MSE. Some texts put ½ in front.
    """

    task = "regression"

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return jnp.square(output - paired(output, target)).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return 2 * (output - paired(output, target)) / output.shape[-1]


def examples() -> tuple[LossExample, ...]:
    """Cases that tests and audits are derived from."""
    return (
        LossExample("squared error", SquaredError()),
        LossExample("squared error, target without last axis", SquaredError(), "one per row", (1,)),
    )
