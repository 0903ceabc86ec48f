"""Mean absolute error."""

from __future__ import annotations

import jax

from fnn.losses.loss import Loss, LossExample, paired
from fnn.ops.abs import absolute, sign
from fnn.spec import spec


@spec("absolute_error.v1")
class AbsoluteError(Loss):
    """ℓ = mean over features of |output − target|; gradient sign(output − target) / features.

    At the corner the gradient is 0, as in PyTorch.
    """

    task = "regression"

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return absolute(output - paired(output, target)).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return sign(output - paired(output, target)) / output.shape[-1]


def examples() -> tuple[LossExample, ...]:
    """Cases that tests and audits are derived from."""
    return (
        LossExample("absolute error", AbsoluteError()),
        LossExample("absolute error over time", AbsoluteError(), outputs=(4, 3)),
    )
