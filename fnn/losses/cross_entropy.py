"""Cross-entropy of one class among C, from logits and from probabilities."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.losses.loss import Loss, LossExample, class_probabilities, smoothed
from fnn.ops import log_softmax, log_softmax_backward, nonzero, softmax, weighted
from fnn.spec import number, spec


@spec("cross_entropy.v1")
class CrossEntropy(Loss):
    """ℓ = −Σ t log softmax(z) over the C classes, with logits z (…, C).

    Targets are class numbers (…, integers) or rows of probabilities (…, C); `smoothing` s replaces
    t by (1 − s) t + s / C. Gradient: softmax(z) Σ t − t, where Σ t = 1 for rows that
    sum to one. A class with t = 0 may have z = −∞, and adds 0. A class number outside 0 … C−1
    gives NaN (Optax and Keras differ).
    """

    task = "classes"
    average = "softmax"
    smoothing: float | None = number(default=None, low=0, high=1)

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return -weighted(self._target(output, target), log_softmax(output)).sum(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return log_softmax_backward(softmax(output), -self._target(output, target))

    def _target(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return smoothed(class_probabilities(output, target), self.smoothing, output.shape[-1])


@spec("probability_cross_entropy.v1")
class ProbabilityCrossEntropy(Loss):
    """ℓ = −Σ t log(p + floor), with rows of probabilities p (…, C).

    For comparison with programs that print it, after a softmax output. What it loses: a
    probability that underflows gives the constant loss −log(floor), and no gradient reaches its
    logits. With a floor of 0, a p of 0 adds 0 where t is 0.
    """

    task = "classes"
    takes_probabilities = True
    floor: float = number(default=1e-8, low=0)

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        t, floor = class_probabilities(output, target), jnp.asarray(self.floor, output.dtype)
        return -(t * jnp.log(nonzero(output + floor, t))).sum(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        t, floor = class_probabilities(output, target), jnp.asarray(self.floor, output.dtype)
        return -t / nonzero(output + floor, t)


def examples() -> tuple[LossExample, ...]:
    """Cases that tests and audits are derived from."""
    return (
        LossExample("cross-entropy", CrossEntropy(), "classes"),
        LossExample("cross-entropy over time", CrossEntropy(), "classes", (4, 3)),
        LossExample("cross-entropy, one-hot", CrossEntropy(), "one-hot"),
        LossExample("cross-entropy, rows that don't sum to one", CrossEntropy()),
        LossExample("cross-entropy, smoothed", CrossEntropy(0.1), "classes"),
        LossExample("probability cross-entropy", ProbabilityCrossEntropy(), "classes"),
    )
