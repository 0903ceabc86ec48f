"""Mistakes in the backward pass of x W + b."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from experiments.audit_power.mutations.fault import INPUT, Site, fault, floats, square
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import PyTree
from fnn.layers import Dense
from fnn.shapes import leading

Grads = tuple[Any, PyTree]
RATE = 0.1


def biased(site: Site) -> bool:
    """The layer has a bias."""
    return site.node.bias_init is not None


def biases(site: Site) -> bool:
    """The layer has a bias, and more than one unit."""
    return biased(site) and site.node.units > 1


def over_time(site: Site) -> bool:
    """There are axes of batch or time between the first one and the features."""
    return len(site.shape.shape) > 1


def rows(dy: Any) -> int:
    """How many examples (and steps of time) a cotangent holds."""
    return int(dy.size // dy.shape[-1])


@fault(Dense, leaf=INPUT, diagnosis=Mistake.WEIGHT_NOT_TRANSPOSED, fits=square)
def weight_not_transposed(call: Call, dy: Any) -> Grads:
    """dx = dy W for dy Wᵀ, which only a square layer lets through."""
    _, grads = call.right(dy)
    return dy @ call.params["weight"], grads


@fault(Dense, leaf="weight", diagnosis=Mistake.TRANSPOSED, fits=square)
def weight_gradient_transposed(call: Call, dy: Any) -> Grads:
    """dW = dyᵀ x for xᵀ dy: the (O, I) of another framework."""
    dx, grads = call.right(dy)
    return dx, {**grads, "weight": grads["weight"].T}


@fault(Dense, leaf="weight", diagnosis=Mistake.DIVIDED_AGAIN)
def weight_gradient_averaged(call: Call, dy: Any) -> Grads:
    """dW is divided by the number of examples, which the loss had done already."""
    dx, grads = call.right(dy)
    return dx, {**grads, "weight": grads["weight"] / rows(dy)}


@fault(Dense, leaf="weight", diagnosis=Mistake.TWICE)
def weight_gradient_doubled(call: Call, dy: Any) -> Grads:
    """dW is added to itself: accumulated twice."""
    dx, grads = call.right(dy)
    return dx, {**grads, "weight": 2 * grads["weight"]}


@fault(Dense, leaf=("weight", "bias"), diagnosis=Mistake.SIGN)
def parameter_gradients_negated(call: Call, dy: Any) -> Grads:
    """The layer gives the step downhill, −dW and −db, for the gradient."""
    dx, grads = call.right(dy)
    return dx, {name: -leaf for name, leaf in grads.items()}


@fault(Dense, leaf="weight", diagnosis=Mistake.MISSING)
def weight_gradient_forgotten(call: Call, dy: Any) -> Grads:
    """dW is left at zero: the layer never learns."""
    dx, grads = call.right(dy)
    return dx, {**grads, "weight": jnp.zeros_like(grads["weight"])}


@fault(
    Dense,
    leaf="weight",
    diagnosis=Diagnosis(Mistake.WRONG_TENSOR, tensor="its own output"),
    fits=square,
)
def own_output_for_input(call: Call, dy: Any) -> Grads:
    """dW = yᵀ dy: the layer's output stands where its input belongs."""
    dx, grads = call.right(dy)
    batch = leading(dy)
    return dx, {**grads, "weight": jnp.tensordot(call.y, dy, (batch, batch))}


@fault(Dense, leaf="weight", diagnosis=(Mistake.ROWS_MISALIGNED, Mistake.SHIFTED))
def rows_out_of_step(call: Call, dy: Any) -> Grads:
    """Inputs and cotangents are of different examples: one of the two was shuffled."""
    dx, grads = call.right(dy)
    batch = leading(dy)
    return dx, {**grads, "weight": jnp.tensordot(jnp.roll(call.x, 1, 0), dy, (batch, batch))}


@fault(Dense, leaf="weight", diagnosis=Mistake.ONLY_ONE_OF_SUM, fits=over_time)
def last_step_of_time_alone(call: Call, dy: Any) -> Grads:
    """dW is made from the last step of time; the sum over the others is forgotten."""
    dx, grads = call.right(dy)
    return dx, {**grads, "weight": call.x[:, -1].T @ dy[:, -1]}


@fault(Dense, leaf="weight", diagnosis=(Mistake.TERM_SCALED, Mistake.TERM_REPEATED))
def decay_in_the_layer(call: Call, dy: Any) -> Grads:
    """dW + λ W: weight decay that belongs to the optimizer."""
    dx, grads = call.right(dy)
    return dx, {**grads, "weight": grads["weight"] + 0.01 * call.params["weight"]}


@fault(Dense, leaf="weight", diagnosis=Mistake.CLIPPED)
def gradient_clipped_in_the_layer(call: Call, dy: Any) -> Grads:
    """dW is clipped to half its largest element: clipping belongs to the optimizer."""
    dx, grads = call.right(dy)
    bound = 0.5 * jnp.abs(grads["weight"]).max()
    return dx, {**grads, "weight": jnp.clip(grads["weight"], -bound, bound)}


@fault(Dense, leaf="bias", diagnosis=Mistake.DIVIDED_AGAIN, fits=biased)
def bias_gradient_averaged(call: Call, dy: Any) -> Grads:
    """db = mean of dy over the examples for the sum."""
    dx, grads = call.right(dy)
    return dx, {**grads, "bias": grads["bias"] / rows(dy)}


@fault(Dense, leaf="bias", diagnosis=Mistake.MISSING, fits=biased)
def bias_gradient_forgotten(call: Call, dy: Any) -> Grads:
    """db is left at zero."""
    dx, grads = call.right(dy)
    return dx, {**grads, "bias": jnp.zeros_like(grads["bias"])}


@fault(Dense, leaf="bias", diagnosis=Mistake.BROADCAST, fits=biases)
def bias_gradient_summed_over_units(call: Call, dy: Any) -> Grads:
    """db = the sum over examples and units, broadcast: every unit gets the same."""
    dx, grads = call.right(dy)
    return dx, {**grads, "bias": jnp.full_like(grads["bias"], dy.sum())}


@fault(Dense, leaf="bias", diagnosis=Mistake.ONLY_ONE_OF_SUM, fits=biased)
def bias_gradient_of_one_row(call: Call, dy: Any) -> Grads:
    """db is the last example's dy: overwritten in a loop where it should be added."""
    dx, grads = call.right(dy)
    return dx, {**grads, "bias": dy.reshape(-1, dy.shape[-1])[-1]}


@fault(Dense, leaf=INPUT, diagnosis=Mistake.MISSING, fits=floats)
def input_gradient_stopped(call: Call, dy: Any) -> Grads:
    """dx = 0: nothing below this layer learns."""
    _, grads = call.right(dy)
    return jnp.zeros_like(call.x), grads


@fault(Dense, leaf=INPUT, diagnosis=Mistake.PARAMETER_UPDATED)
def weight_updated_too_early(call: Call, dy: Any) -> Grads:
    """dx = dy W'ᵀ with the weight that the step has already changed."""
    _, grads = call.right(dy)
    return dy @ (call.params["weight"] - RATE * grads["weight"]).T, grads


@fault(Dense, leaf=INPUT, diagnosis=Diagnosis(Mistake.TERM_ADDED, tensor="the bias"), fits=biased)
def bias_in_the_input_gradient(call: Call, dy: Any) -> Grads:
    """dx = (dy + b) Wᵀ: the forward pass copied, bias and all."""
    _, grads = call.right(dy)
    right_dx = (dy + jnp.broadcast_to(call.params["bias"], dy.shape)) @ call.params["weight"].T
    return right_dx, grads
