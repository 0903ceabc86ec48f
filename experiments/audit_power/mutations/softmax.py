"""Mistakes in the backward pass of a softmax layer: dx = y (dy − Σ dy y)."""

from __future__ import annotations

from typing import Any

from experiments.audit_power.mutations.fault import INPUT, fault
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Mistake
from fnn.layer import PyTree
from fnn.layers import Softmax

Grads = tuple[Any, PyTree]


@fault(Softmax, leaf=INPUT, diagnosis=Mistake.JACOBIAN_DIAGONAL)
def jacobian_replaced_by_its_diagonal(call: Call, dy: Any) -> Grads:
    """dx = y (1 − y) dy: the sigmoid's derivative, element by element."""
    y = call.tape
    return y * (1 - y) * dy, {}


@fault(Softmax, leaf=INPUT, diagnosis=Mistake.LEFT_OUT)
def softmax_taken_for_fused(call: Call, dy: Any) -> Grads:
    """dx = dy, right only where the loss has taken the softmax's derivative into its own."""
    return dy, {}


@fault(Softmax, leaf=INPUT, diagnosis=Mistake.TERM_MISSING)
def inner_product_forgotten(call: Call, dy: Any) -> Grads:
    """dx = y dy: Σ dy y is missing."""
    return call.tape * dy, {}


@fault(Softmax, leaf=INPUT, diagnosis=(Mistake.WRONG_AXIS, Mistake.INNER_SUM))
def summed_over_the_batch(call: Call, dy: Any) -> Grads:
    """Σ dy y over the examples for the classes."""
    y = call.tape
    return y * (dy - (dy * y).sum(0, keepdims=True)), {}


@fault(Softmax, leaf=INPUT, diagnosis=Mistake.INNER_SUM)
def inner_product_added(call: Call, dy: Any) -> Grads:
    """dx = y (dy + Σ dy y)."""
    y = call.tape
    return y * (dy + (dy * y).sum(-1, keepdims=True)), {}
