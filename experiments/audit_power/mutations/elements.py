"""Errors of a few elements or of a small size, in the gradient of any weight."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.fault import INPUT, fault, floats
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import PyTree
from fnn.layers import Dense, Embedding

Grads = tuple[Any, PyTree]
TABLES = (Dense, Embedding)


def _weight(call: Call, dy: Any, change: Any) -> Grads:
    """The right gradients with the weight's changed."""
    dx, grads = call.right(dy)
    return dx, {**grads, "weight": change(grads["weight"])}


def _largest(leaf: Any) -> Any:
    """The index of the largest element, as a tuple of arrays."""
    return jnp.unravel_index(jnp.argmax(jnp.abs(leaf)), leaf.shape)


def _typical(leaf: Any) -> Any:
    """The index of an element that three of four are smaller than."""
    order = jnp.argsort(jnp.abs(leaf).ravel())
    return jnp.unravel_index(order[min(3 * leaf.size // 4, leaf.size - 2)], leaf.shape)


@fault(*TABLES, leaf="weight", diagnosis=Diagnosis(Mistake.RELATIVE_ERROR, factor=1 + 1e-3))
def a_thousandth_too_large(call: Call, dy: Any) -> Grads:
    """dW (1 + 1e-3): a constant of three digits."""
    return _weight(call, dy, lambda leaf: leaf * (1 + 1e-3))


@fault(*TABLES, leaf="weight", diagnosis=Diagnosis(Mistake.RELATIVE_ERROR, factor=1 + 1e-6))
def a_millionth_too_large(call: Call, dy: Any) -> Grads:
    """dW (1 + 1e-6): a constant of six digits."""
    return _weight(call, dy, lambda leaf: leaf * (1 + 1e-6))


@fault(Dense, leaf=INPUT, diagnosis=Diagnosis(Mistake.RELATIVE_ERROR, factor=1 - 1e-3), fits=floats)
def input_gradient_a_thousandth_too_small(call: Call, dy: Any) -> Grads:
    """dx (1 − 1e-3)."""
    dx, grads = call.right(dy)
    return dx * (1 - 1e-3), grads


@fault(*TABLES, leaf="weight", diagnosis=(Mistake.FEW_ELEMENTS, Mistake.SLICE_WRONG))
def sign_of_one_element(call: Call, dy: Any) -> Grads:
    """One element of dW has the wrong sign."""
    return _weight(call, dy, lambda leaf: leaf.at[_typical(leaf)].multiply(-1))


@fault(*TABLES, leaf="weight", diagnosis=(Mistake.FEW_ELEMENTS, Mistake.SLICE_MISSING))
def one_element_zero(call: Call, dy: Any) -> Grads:
    """One element of dW is never written."""
    return _weight(call, dy, lambda leaf: leaf.at[_typical(leaf)].set(0))


@fault(*TABLES, leaf="weight", diagnosis=(Mistake.FEW_ELEMENTS, Mistake.SLICE_WRONG))
def one_element_a_hundredth_too_large(call: Call, dy: Any) -> Grads:
    """The largest element of dW is off by 1 %."""
    return _weight(call, dy, lambda leaf: leaf.at[_largest(leaf)].multiply(1.01))


@fault(*TABLES, leaf="weight", diagnosis=Diagnosis(Mistake.NOT_FINITE, count=1))
def one_element_not_a_number(call: Call, dy: Any) -> Grads:
    """One element of dW is NaN."""
    return _weight(call, dy, lambda leaf: leaf.at[_typical(leaf)].set(jnp.nan))


@fault(*TABLES, leaf="weight", diagnosis=Mistake.EXCHANGED)
def two_elements_exchanged(call: Call, dy: Any) -> Grads:
    """The largest element of dW and another one have changed places."""

    def change(leaf: Any) -> Any:
        one, two = _largest(leaf), _typical(leaf)
        return leaf.at[one].set(leaf[two]).at[two].set(leaf[one])

    return _weight(call, dy, change)


@fault(Dense, leaf="weight", diagnosis=Mistake.ONE_MISSING_FROM_SUM)
def one_row_of_the_batch_left_out(call: Call, dy: Any) -> Grads:
    """dW without the first example's part."""
    return _weight(call, dy, lambda leaf: leaf - call.right(dy.at[1:].set(0))[1]["weight"])


@fault(Dense, leaf="weight", diagnosis=Diagnosis(Mistake.ROUNDED, tensor="float32"))
def rounded_to_float32(call: Call, dy: Any) -> Grads:
    """dW computed in float32 inside a float64 backward pass."""
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (call.params, call.tape, dy))
    params, tape, cotangent = narrow
    _, grads = call.layer.backward(params, tape, cotangent)
    return _weight(call, dy, lambda leaf: grads["weight"].astype(leaf.dtype))


@fault(Dense, leaf=INPUT, diagnosis=(Mistake.SLICE_MISSING, Mistake.ELEMENTS_MISSING), fits=floats)
def one_feature_without_gradient(call: Call, dy: Any) -> Grads:
    """The last column of dx is zero: an off-by-one in a loop over features."""
    dx, grads = call.right(dy)
    return dx.at[..., -1].set(0), grads
