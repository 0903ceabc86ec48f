"""Mistakes in the gradients of losses."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.fault import Site, fault
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
    SquaredError,
)
from fnn.losses.loss import class_probabilities, paired, smoothed
from fnn.spec import replace

OUTPUT = ("output",)
LOSSES = (AbsoluteError, BinaryCrossEntropy, CrossEntropy, Huber, SquaredError)
MEANS = (AbsoluteError, BinaryCrossEntropy, Huber, SquaredError)


def softened(site: Site) -> bool:
    """The targets are smoothed."""
    return site.node.smoothing is not None


def several(site: Site) -> bool:
    """There is more than one feature to take the mean of."""
    return int(site.shape.shape[-1]) > 1


def single(site: Site) -> bool:
    """One output an example, where (B, 1) − (B) would be a (B, B)."""
    return int(site.shape.shape[-1]) == 1


def _target(loss: Any, output: Any, target: Any) -> Any:
    """The target beside the output, smoothed as the loss does."""
    if isinstance(loss, CrossEntropy):
        return smoothed(class_probabilities(output, target), loss.smoothing, output.shape[-1])
    return smoothed(paired(output, target), loss.smoothing, 2)


@fault(*LOSSES, leaf=OUTPUT, diagnosis=Mistake.OTHER_TARGET)
def target_of_another_row(loss: Loss, output: Any, target: Any) -> Any:
    """Each output is compared with the target of the example before: shuffled apart."""
    return loss.gradient(output, jnp.roll(target, 1, 0))


@fault(*MEANS, leaf=OUTPUT, diagnosis=(Mistake.NOT_DIVIDED, Mistake.TWICE), fits=several)
def mean_over_features_forgotten(loss: Loss, output: Any, target: Any) -> Any:
    """The value is a mean over features, the gradient that of a sum."""
    return output.shape[-1] * loss.gradient(output, target)


@fault(CrossEntropy, leaf=OUTPUT, diagnosis=Mistake.DIVIDED_AGAIN)
def divided_by_classes(loss: Loss, output: Any, target: Any) -> Any:
    """The value is a sum over classes, the gradient that of a mean."""
    return loss.gradient(output, target) / output.shape[-1]


@fault(
    CrossEntropy,
    BinaryCrossEntropy,
    leaf=OUTPUT,
    diagnosis=Diagnosis(Mistake.NUMBER_FORGOTTEN, tensor="smoothing"),
    fits=softened,
)
def smoothing_forgotten(loss: Any, output: Any, target: Any) -> Any:
    """The value has smoothed targets, the gradient the hard ones."""
    return replace(loss, smoothing=None).gradient(output, target)


@fault(
    BinaryCrossEntropy,
    leaf=OUTPUT,
    diagnosis=Diagnosis(Mistake.DERIVATIVE_ON_TOP, tensor="the derivative of the sigmoid"),
)
def sigmoid_derivative_on_top(loss: Loss, output: Any, target: Any) -> Any:
    """(σ − t) σ (1 − σ): the loss from logits holds the sigmoid's derivative already."""
    s = jax.nn.sigmoid(output)
    return loss.gradient(output, target) * s * (1 - s)


@fault(CrossEntropy, leaf=OUTPUT, diagnosis=Mistake.DERIVATIVE_ON_TOP)
def softmax_derivative_on_top(loss: Loss, output: Any, target: Any) -> Any:
    """The softmax's Jacobian is applied to p − t, which holds it already."""
    y, dy = jax.nn.softmax(output), loss.gradient(output, target)
    return y * (dy - (dy * y).sum(-1, keepdims=True))


@fault(BinaryCrossEntropy, leaf=OUTPUT, diagnosis=(Mistake.LINK_FORGOTTEN, Mistake.OTHER_LOSS))
def sigmoid_forgotten(loss: Any, output: Any, target: Any) -> Any:
    """z − t for σ(z) − t: squared error's gradient."""
    return (output - _target(loss, output, target)) / output.shape[-1]


@fault(CrossEntropy, leaf=OUTPUT, diagnosis=(Mistake.LINK_FORGOTTEN, Mistake.OTHER_LOSS))
def softmax_forgotten(loss: Any, output: Any, target: Any) -> Any:
    """z − t for softmax(z) − t: squared error's gradient."""
    return output - _target(loss, output, target)


@fault(CrossEntropy, leaf=OUTPUT, diagnosis=Mistake.WRONG_AXIS)
def softmax_over_the_batch(loss: Any, output: Any, target: Any) -> Any:
    """Probabilities that sum to one over the examples, not over the classes."""
    return jax.nn.softmax(output, axis=0) - _target(loss, output, target)


@fault(CrossEntropy, leaf=OUTPUT, diagnosis=(Mistake.ELEMENTS_MISSING, Mistake.SLICE_MISSING))
def only_the_true_class(loss: Any, output: Any, target: Any) -> Any:
    """p − 1 at the true class and nothing elsewhere: −log pₖ taken for a function of zₖ alone."""
    hard = class_probabilities(output, target)
    return jnp.where(hard > 0, loss.gradient(output, target), 0)


@fault(
    BinaryCrossEntropy,
    leaf=OUTPUT,
    diagnosis=(Mistake.ELEMENTS_MISSING, Mistake.SLICE_MISSING, Mistake.TERM_MISSING),
)
def negative_answers_forgotten(loss: Any, output: Any, target: Any) -> Any:
    """−t (1 − σ): the term of 1 − t is missing."""
    t = _target(loss, output, target)
    return -t * (1 - jax.nn.sigmoid(output)) / output.shape[-1]


@fault(Huber, leaf=OUTPUT, diagnosis=(Mistake.NUMBER_FORGOTTEN, Mistake.OTHER_LOSS))
def huber_not_clipped(loss: Any, output: Any, target: Any) -> Any:
    """The error itself beyond δ too: squared error's gradient."""
    return (output - paired(output, target)) / output.shape[-1]


@fault(Huber, leaf=OUTPUT, diagnosis=Diagnosis(Mistake.NUMBER_FORGOTTEN, tensor="delta"))
def huber_delta_forgotten(loss: Any, output: Any, target: Any) -> Any:
    """±1 beyond δ for ±δ."""
    error = output - paired(output, target)
    delta = jnp.asarray(loss.delta, output.dtype)
    return jnp.where(jnp.abs(error) <= delta, error, jnp.sign(error)) / output.shape[-1]


@fault(SquaredError, leaf=OUTPUT, diagnosis=Mistake.HALF)
def two_forgotten(loss: Loss, output: Any, target: Any) -> Any:
    """The gradient of ½ e² for e²."""
    return loss.gradient(output, target) / 2


@fault(SquaredError, AbsoluteError, Huber, leaf=OUTPUT, diagnosis=Mistake.SIGN)
def target_minus_output(loss: Loss, output: Any, target: Any) -> Any:
    """The error the wrong way round: the gradient points uphill."""
    return -loss.gradient(output, target)


@fault(*MEANS, leaf=OUTPUT, diagnosis=Mistake.BROADCAST, fits=single)
def target_broadcast_over_the_batch(loss: Loss, output: Any, target: Any) -> Any:
    """(B, 1) − (B) is a (B, B): every output is compared with every target, and the mean taken."""
    everyone = jax.vmap(lambda one: loss.gradient(output, jnp.full_like(output, one)))
    return everyone(target.reshape(-1).astype(output.dtype)).mean(0)


@fault(AbsoluteError, leaf=OUTPUT, diagnosis=Mistake.OTHER_LOSS)
def error_for_its_sign(loss: Any, output: Any, target: Any) -> Any:
    """The error itself for its sign: squared error's gradient."""
    return (output - paired(output, target)) / output.shape[-1]


@fault(
    ProbabilityCrossEntropy,
    ProbabilityBinaryCrossEntropy,
    leaf=OUTPUT,
    diagnosis=Mistake.OTHER_LOSS,
)
def fused_gradient_for_probabilities(loss: Any, output: Any, target: Any) -> Any:
    """p − t, which belongs to logits, in front of a softmax or sigmoid of its own."""
    if isinstance(loss, ProbabilityCrossEntropy):
        return output - class_probabilities(output, target)
    return (output - paired(output, target)) / output.shape[-1]


@fault(
    ProbabilityCrossEntropy,
    leaf=OUTPUT,
    diagnosis=(Mistake.FACTOR_PER_SLICE, Mistake.WRONG_TENSOR),
)
def logarithm_not_differentiated(loss: Any, output: Any, target: Any) -> Any:
    """−t for −t / p."""
    return -class_probabilities(output, target)


@fault(
    ProbabilityBinaryCrossEntropy,
    leaf=OUTPUT,
    diagnosis=(Mistake.ELEMENTS_MISSING, Mistake.SLICE_MISSING, Mistake.TERM_MISSING),
)
def second_logarithm_forgotten(loss: Any, output: Any, target: Any) -> Any:
    """−t / p alone: the term of 1 − t is missing."""
    return -paired(output, target) / (output * output.shape[-1])
