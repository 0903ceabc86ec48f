"""Mistakes in the derivatives of activation functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.fault import INPUT, Site, fault
from experiments.audit_power.mutations.inject import Call
from fnn import activations as a
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import PyTree
from fnn.layers import Activation

Grads = tuple[Any, PyTree]


def of(*kinds: type) -> Any:
    """Whether the function is of one of these kinds."""
    return lambda site: isinstance(site.node.function, kinds)


def bent(site: Site) -> bool:
    """The function is not the identity, whose derivative is 1 wherever it is taken."""
    return not isinstance(site.node.function, a.Identity)


def exact(site: Site) -> bool:
    """GELU by the normal distribution itself."""
    return isinstance(site.node.function, a.GELU) and site.node.function.form == "exact"


def approximate(site: Site) -> bool:
    """GELU by the tanh formula."""
    return isinstance(site.node.function, a.GELU) and site.node.function.form == "tanh"


@fault(Activation, leaf=INPUT, diagnosis=Mistake.LEFT_OUT, fits=bent)
def derivative_forgotten(call: Call, dy: Any) -> Grads:
    """dx = dy: the cotangent passes as if the function were the identity."""
    return dy, {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_TWICE, fits=of(a.Tanh, a.Sigmoid, a.ELU))
def derivative_applied_twice(call: Call, dy: Any) -> Grads:
    """dx = f'(x)² dy: once in the layer and once more in the loop over layers."""
    return call.right(call.right(dy)[0])


@fault(
    Activation,
    leaf=INPUT,
    diagnosis=Mistake.SLOPE_ELSEWHERE,
    fits=of(a.Sigmoid, a.Tanh, a.SELU, a.GELU, a.SiLU, a.Mish, a.Softplus),
)
def derivative_taken_at_the_activation(call: Call, dy: Any) -> Grads:
    """f'(y) for f'(x): what was stored is the output, what the formula wants is the input."""
    function = call.layer.function
    return function.backward(function.forward(call.y)[1], dy), {}


@fault(
    Activation,
    leaf=INPUT,
    diagnosis=(Mistake.SLOPE_ELSEWHERE, Mistake.MASK_MISPLACED),
    fits=of(a.ReLU),
)
def relu_mask_from_the_cotangent(call: Call, dy: Any) -> Grads:
    """dx = dy where dy > 0: the mask is of the wrong tensor ("deconvnet" by accident)."""
    return jnp.where(dy > 0, dy, 0), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.MASK_MISPLACED, fits=of(a.ReLU))
def relu_mask_of_another_row(call: Call, dy: Any) -> Grads:
    """The mask of the example before: the tape of another call."""
    return jnp.where(jnp.roll(call.x, 1, 0) > 0, dy, 0), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.MASK_VALUES, fits=of(a.ReLU))
def relu_slope_by_sign(call: Call, dy: Any) -> Grads:
    """dx = sign(x) dy: −1 where the unit is off."""
    return dy * jnp.sign(call.x), {}


@fault(
    Activation,
    leaf=INPUT,
    diagnosis=(Mistake.MASK_VALUES, Mistake.NUMBER_FORGOTTEN),
    fits=of(a.LeakyReLU),
)
def leaky_slope_forgotten(call: Call, dy: Any) -> Grads:
    """ReLU's derivative for LeakyReLU: 0 below zero."""
    return jnp.where(call.x >= 0, dy, 0), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.MASK_MISPLACED, fits=of(a.LeakyReLU))
def leaky_slope_on_the_wrong_side(call: Call, dy: Any) -> Grads:
    """The slope above zero, 1 below."""
    slope = jnp.asarray(call.layer.function.slope, dy.dtype)
    return jnp.where(call.x >= 0, slope * dy, dy), {}


@fault(
    Activation,
    leaf=INPUT,
    diagnosis=(Mistake.SLOPE_WRONG, Mistake.NUMBER_FORGOTTEN),
    fits=of(a.ELU),
)
def elu_alpha_forgotten(call: Call, dy: Any) -> Grads:
    """f' = y + 1 for y + α below zero."""
    return jnp.where(call.x > 0, dy, dy * (call.y + 1)), {}


@fault(
    Activation, leaf=INPUT, diagnosis=Diagnosis(Mistake.SLOPE_WRONG, role="x > 0"), fits=of(a.ELU)
)
def elu_exponential_on_both_sides(call: Call, dy: Any) -> Grads:
    """f' = eˣ above zero too, where it is 1."""
    return dy * jnp.where(call.x > 0, jnp.exp(call.x), call.y + call.layer.function.alpha), {}


@fault(Activation, leaf=INPUT, diagnosis=(Mistake.FACTOR, Mistake.SLOPE_WRONG), fits=of(a.SELU))
def selu_scale_forgotten(call: Call, dy: Any) -> Grads:
    """ELU's derivative with SELU's α: λ = 1.0507 is missing."""
    return call.right(dy)[0] / 1.0507009873554804934193349852946, {}


@fault(Activation, leaf=INPUT, diagnosis=(Mistake.SLOPE_WRONG, Mistake.ROUNDED), fits=exact)
def gelu_derivative_of_the_other_form(call: Call, dy: Any) -> Grads:
    """The derivative of the tanh approximation for the exact function: off by up to 1e-3."""
    other = a.GELU("tanh")
    return other.backward(call.x, dy), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=of(a.GELU))
def gelu_without_its_second_term(call: Call, dy: Any) -> Grads:
    """f' = Φ(x) for Φ(x) + x φ(x): the product rule forgotten."""
    return dy * 0.5 * jax.lax.erfc(-call.x * 0.5**0.5), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=approximate)
def gelu_inner_derivative_forgotten(call: Call, dy: Any) -> Grads:
    """The chain rule stops at tanh u: du/dx is taken for √(2/π), the cube's part forgotten."""
    x, root = call.x, (2 / jnp.pi) ** 0.5
    t = jnp.tanh(root * x * (1 + 0.044715 * jnp.square(x)))
    return dy * 0.5 * (1 + t + x * (1 - t) * (1 + t) * root), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=of(a.SiLU))
def silu_without_its_second_term(call: Call, dy: Any) -> Grads:
    """f' = σ(x) for σ(x) (1 + x (1 − σ(x)))."""
    return dy * jax.nn.sigmoid(call.x), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=of(a.Mish))
def mish_without_its_second_term(call: Call, dy: Any) -> Grads:
    """f' = tanh(softplus x) alone."""
    return dy * jnp.tanh(jax.nn.softplus(call.x)), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=of(a.Tanh))
def tanh_with_sigmoid_derivative(call: Call, dy: Any) -> Grads:
    """f' = y (1 − y), which is the sigmoid's, for 1 − y²."""
    return dy * call.y * (1 - call.y), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=of(a.Tanh))
def tanh_square_forgotten(call: Call, dy: Any) -> Grads:
    """f' = 1 − y for 1 − y²."""
    return dy * (1 - call.y), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=of(a.Sigmoid))
def sigmoid_factor_forgotten(call: Call, dy: Any) -> Grads:
    """f' = 1 − y for y (1 − y)."""
    return dy * (1 - call.y), {}


@fault(Activation, leaf=INPUT, diagnosis=Mistake.SLOPE_WRONG, fits=of(a.Softplus))
def softplus_exponent_sign(call: Call, dy: Any) -> Grads:
    """f' = 1 / (1 + eˣ) for 1 / (1 + e⁻ˣ)."""
    return dy * jax.nn.sigmoid(-call.x), {}
