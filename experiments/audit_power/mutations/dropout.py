"""Mistakes in the backward pass of dropout."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.fault import INPUT, fault
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Mistake
from fnn.layer import PyTree
from fnn.layers import Dropout

Grads = tuple[Any, PyTree]


@fault(Dropout, leaf=INPUT, diagnosis=(Mistake.NOT_DIVIDED, Mistake.FACTOR))
def mask_not_rescaled(call: Call, dy: Any) -> Grads:
    """dx = m dy for m dy / p: what forward scales, backward does not."""
    mask, _ = call.tape
    return jnp.where(mask, dy, 0), {}


@fault(Dropout, leaf=INPUT, diagnosis=(Mistake.NOT_DIVIDED, Mistake.FACTOR))
def rescaled_by_the_inverse(call: Call, dy: Any) -> Grads:
    """dx = p m dy: multiplied by the share kept instead of divided."""
    mask, scale = call.tape
    return jnp.where(mask, dy / scale, 0), {}


@fault(Dropout, leaf=INPUT, diagnosis=Mistake.MASK_MISPLACED)
def mask_redrawn(call: Call, dy: Any) -> Grads:
    """A second mask is drawn for the backward pass, from the next key."""
    assert call.key is not None
    key = jax.random.fold_in(call.key, 1)
    _, _, tape = call.layer.forward({}, {}, call.x, train=True, key=key)
    return call.layer.backward({}, tape, dy)


@fault(
    Dropout, leaf=INPUT, diagnosis=(Mistake.LEFT_OUT, Mistake.MASK_MISPLACED, Mistake.MASK_VALUES)
)
def mask_forgotten(call: Call, dy: Any) -> Grads:
    """dx = dy: units that were dropped get a gradient."""
    return dy, {}


@fault(Dropout, leaf=INPUT, diagnosis=Mistake.MASK_MISPLACED)
def mask_inverted(call: Call, dy: Any) -> Grads:
    """Gradients flow where units were dropped, and nowhere else."""
    mask, scale = call.tape
    return jnp.where(mask, 0, dy * scale), {}


@fault(Dropout, leaf=INPUT, diagnosis=(Mistake.MASK_MISPLACED, Mistake.BROADCAST))
def mask_of_one_row(call: Call, dy: Any) -> Grads:
    """The first example's mask is broadcast over the batch."""
    mask, scale = call.tape
    return jnp.where(jnp.broadcast_to(mask[:1], mask.shape), dy * scale, 0), {}
