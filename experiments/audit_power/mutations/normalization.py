"""Mistakes in the backward passes of BatchNorm and LayerNorm.

With g = dy scale, the right one is dx = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε), the means over
the batch or over the features.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.fault import INPUT, Site, fault
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import PyTree
from fnn.layers import BatchNorm, LayerNorm
from fnn.shapes import align, leading

Grads = tuple[Any, PyTree]
BOTH = (BatchNorm, LayerNorm)


class Parts:
    """What the formula is made of, for either kind of normalization."""

    def __init__(self, call: Call, dy: Any) -> None:
        batch = isinstance(call.layer, BatchNorm)
        ndim = 1 if batch else call.layer.ndim
        self.axes = leading(dy) if batch else tuple(range(dy.ndim - ndim, dy.ndim))
        self.x_hat = call.tape["x_hat"]
        self.inverse = align(call.tape["inverse"], dy) if batch else call.tape["inverse"]
        self.scale = align(call.params["scale"], dy)
        self.g = dy * self.scale
        self.count = dy.size // self.mean(dy).size
        self.epsilon = jnp.asarray(call.layer.epsilon, dy.dtype)

    def mean(self, x: Any) -> Any:
        """Over the axes that are normalized."""
        return x.mean(self.axes, keepdims=True)

    def input_gradient(
        self, direct: float = 1.0, center: float = 1.0, spread: float = 1.0
    ) -> jax.Array:
        """dx with each of the three terms weighted."""
        g, x_hat = self.g, self.x_hat
        terms = direct * g - center * self.mean(g) - spread * x_hat * self.mean(g * x_hat)
        dx: jax.Array = self.inverse * terms
        return dx


def over_time(site: Site) -> bool:
    """There is an axis of time beside the batch."""
    return len(site.shape.shape) > 1


def two_axes(site: Site) -> bool:
    """Two axes of features are normalized together."""
    return bool(site.node.ndim > 1)


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.CONSTANT_STATISTICS, Mistake.PROJECTION))
def statistics_taken_as_constants(call: Call, dy: Any) -> Grads:
    """dx = g / √(σ² + ε), as if μ and σ did not depend on x."""
    return Parts(call, dy).input_gradient(center=0, spread=0), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=Mistake.TERM_MISSING)
def direct_term_dropped(call: Call, dy: Any) -> Grads:
    """The first of the three terms is missing: g itself."""
    return Parts(call, dy).input_gradient(direct=0), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.TERM_MISSING, Mistake.PROJECTION))
def mean_term_dropped(call: Call, dy: Any) -> Grads:
    """The second of the three terms is missing: mean(g)."""
    return Parts(call, dy).input_gradient(center=0), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.TERM_MISSING, Mistake.PROJECTION))
def variance_term_dropped(call: Call, dy: Any) -> Grads:
    """The third of the three terms is missing: x̂ mean(g x̂)."""
    return Parts(call, dy).input_gradient(spread=0), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.TERM_SIGN, Mistake.PROJECTION))
def variance_term_added(call: Call, dy: Any) -> Grads:
    """+ x̂ mean(g x̂): a sign lost on the way through −½ (σ² + ε)^(−3/2)."""
    return Parts(call, dy).input_gradient(spread=-1), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.UNBIASED_VARIANCE, Mistake.PROJECTION))
def unbiased_for_biased_variance(call: Call, dy: Any) -> Grads:
    """The third term is divided by n − 1, where the forward pass divides by n."""
    parts = Parts(call, dy)
    return parts.input_gradient(spread=parts.count / (parts.count - 1)), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.NUMBER_FORGOTTEN, Mistake.PROJECTION))
def epsilon_forgotten(call: Call, dy: Any) -> Grads:
    """Backward divides by σ, where forward divides by √(σ² + ε)."""
    parts = Parts(call, dy)
    inverse = (parts.inverse**-2 - parts.epsilon) ** -0.5
    parts.x_hat, parts.inverse = parts.x_hat * inverse / parts.inverse, inverse
    return parts.input_gradient(), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.VARIANCE_FOR_DEVIATION, Mistake.FACTOR_PER_SLICE))
def variance_for_deviation(call: Call, dy: Any) -> Grads:
    """dx is divided by σ² + ε: the root is forgotten."""
    parts = Parts(call, dy)
    return parts.inverse * parts.input_gradient(), call.right(dy)[1]


@fault(BatchNorm, leaf=INPUT, diagnosis=(Mistake.FACTOR_PER_SLICE, Mistake.SCALE_OUTSIDE))
def scale_forgotten(call: Call, dy: Any) -> Grads:
    """g = dy: the learned scale has no part in dx."""
    parts = Parts(call, dy)
    return parts.input_gradient() / parts.scale, call.right(dy)[1]


@fault(LayerNorm, leaf=INPUT, diagnosis=(Mistake.SCALE_OUTSIDE, Mistake.PROJECTION))
def scale_outside_of_the_means(call: Call, dy: Any) -> Grads:
    """BatchNorm's formula for LayerNorm: scale · (dy − mean(dy) − x̂ mean(dy x̂)) / √(σ² + ε)."""
    parts = Parts(call, dy)
    parts.g = dy
    return parts.scale * parts.input_gradient(), call.right(dy)[1]


@fault(*BOTH, leaf=INPUT, diagnosis=(Mistake.WRONG_AXIS, Mistake.PROJECTION))
def means_over_the_wrong_axis(call: Call, dy: Any) -> Grads:
    """LayerNorm's means over the batch, BatchNorm's over the features."""
    parts = Parts(call, dy)
    parts.axes = (0,) if isinstance(call.layer, LayerNorm) else (dy.ndim - 1,)
    return parts.input_gradient(), call.right(dy)[1]


@fault(LayerNorm, leaf=INPUT, diagnosis=(Mistake.WRONG_AXIS, Mistake.PROJECTION), fits=two_axes)
def means_over_one_of_two_axes(call: Call, dy: Any) -> Grads:
    """The means over the last axis alone, where two are normalized together."""
    parts = Parts(call, dy)
    parts.axes = (dy.ndim - 1,)
    return parts.input_gradient(), call.right(dy)[1]


@fault(BatchNorm, leaf=INPUT, diagnosis=(Mistake.WRONG_AXIS, Mistake.PROJECTION), fits=over_time)
def time_left_out_of_the_means(call: Call, dy: Any) -> Grads:
    """The means over the batch alone, where the statistics are over batch and time."""
    parts = Parts(call, dy)
    parts.axes = (0,)
    return parts.input_gradient(), call.right(dy)[1]


@fault(BatchNorm, leaf=INPUT, diagnosis=(Mistake.RUNNING_STATISTICS, Mistake.CONSTANT_STATISTICS))
def running_statistics_in_backward(call: Call, dy: Any) -> Grads:
    """dx = g / √(running variance + ε): the formula of evaluation mode, in training."""
    parts = Parts(call, dy)
    variance = align(call.state["variance"], dy)
    return parts.g / jnp.sqrt(variance + parts.epsilon), call.right(dy)[1]


@fault(*BOTH, leaf="scale", diagnosis=Diagnosis(Mistake.SWAPPED, tensor="shift"))
def scale_gradient_without_x_hat(call: Call, dy: Any) -> Grads:
    """dscale = Σ dy, which is dshift."""
    dx, grads = call.right(dy)
    return dx, {**grads, "scale": grads["shift"]}


@fault(*BOTH, leaf="scale", diagnosis=Mistake.WRONG_TENSOR)
def scale_gradient_from_the_raw_input(call: Call, dy: Any) -> Grads:
    """dscale = Σ dy x for Σ dy x̂."""
    dx, grads = call.right(dy)
    batch = leading(dy, grads["scale"].ndim)
    return dx, {**grads, "scale": (dy * call.x).sum(batch)}


@fault(*BOTH, leaf="shift", diagnosis=Mistake.DIVIDED_AGAIN)
def shift_gradient_averaged(call: Call, dy: Any) -> Grads:
    """dshift = the mean of dy over the examples for the sum."""
    dx, grads = call.right(dy)
    return dx, {**grads, "shift": grads["shift"] / (dy.size // grads["shift"].size)}
