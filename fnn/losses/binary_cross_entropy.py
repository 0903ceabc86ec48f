"""Cross-entropy of independent yes/no answers, from logits and from probabilities."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.losses.loss import Loss, LossExample, paired, smoothed
from fnn.ops import nonzero, weighted
from fnn.spec import number, spec


@spec("binary_cross_entropy.v1")
class BinaryCrossEntropy(Loss):
    """ℓ = mean of t softplus(−z) + (1 − t) softplus(z), with logits z and targets t in [0, 1].

    That is −t log σ(z) − (1 − t) log(1 − σ(z)) without ever forming σ, and accurate for any z,
    which the shorter softplus(z) − t z is not where it is small.
    Gradient: (σ(z) − t) / features. `smoothing` s replaces t by (1 − s) t + s / 2 (as Keras).
    PyTorch's name is BCEWithLogitsLoss.
    """

    task = "binary"
    average = "sigmoid"
    smoothing: float | None = number(default=None, low=0, high=1)

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        target = smoothed(paired(output, target), self.smoothing, 2)
        yes, no = jax.nn.softplus(-output), jax.nn.softplus(output)
        return (weighted(target, yes) + weighted(1 - target, no)).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        target = smoothed(paired(output, target), self.smoothing, 2)
        return (jax.nn.sigmoid(output) - target) / output.shape[-1]


@spec("probability_binary_cross_entropy.v1")
class ProbabilityBinaryCrossEntropy(Loss):
    """ℓ = −mean of t log(p + floor) + (1 − t) log(1 − p + floor), with probabilities p.

    For comparison with programs that print it, after a sigmoid output. What it loses: once p
    rounds to 0 or 1 (float32: |z| > 17) σ' is 0 or nearly so and no gradient reaches the logits of
    a confidently wrong example, and the loss stops at −log(floor) = 18.4.
    """

    task = "binary"
    takes_probabilities = True
    floor: float = number(default=1e-8, low=0)

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        t, floor = paired(output, target), jnp.asarray(self.floor, output.dtype)
        yes, no = nonzero(output + floor, t), nonzero(1 - output + floor, 1 - t)
        return -(t * jnp.log(yes) + (1 - t) * jnp.log(no)).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        t, floor = paired(output, target), jnp.asarray(self.floor, output.dtype)
        yes, no = nonzero(output + floor, t), nonzero(1 - output + floor, 1 - t)
        return ((1 - t) / no - t / yes) / output.shape[-1]


def examples() -> tuple[LossExample, ...]:
    """Cases that tests and audits are derived from."""
    return (
        LossExample("binary cross-entropy", BinaryCrossEntropy(), "binary"),
        LossExample("binary cross-entropy, smoothed", BinaryCrossEntropy(0.1), "binary", (1,)),
        LossExample("probability binary", ProbabilityBinaryCrossEntropy(), "binary"),
    )
