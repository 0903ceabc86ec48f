"""Mistakes in going back through the same layer many times."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.combinators import PARAMETERS
from experiments.audit_power.mutations.fault import ANY, SHARES, Site, fault
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Mistake
from fnn.combinators import Repeat
from fnn.layer import PyTree

Grads = tuple[Any, PyTree]


def _tied(site: Site) -> bool:
    return bool(site.node.tied)


def _untied(site: Site) -> bool:
    return not site.node.tied


def _applications(call: Call, dy: Any, params: PyTree, reverse: bool = True) -> Grads:
    """dx, and the gradients of every application apart."""
    layer, tied = call.layer, call.layer.tied

    def once(dy: Any, here: Any) -> Grads:
        own, tape = here
        dx, grads = layer.inner.backward(params["inner"] if tied else own, tape, dy)
        return dx, grads

    stacked = (None if tied else params["inner"], call.tape)
    dx, grads = jax.lax.scan(once, dy, stacked, length=layer.times, reverse=reverse)
    return dx, {"inner": grads}


def _collected(call: Call, grads: PyTree) -> PyTree:
    """Gradients of every application as the layer gives them: tied ones summed."""
    return jax.tree.map(lambda leaf: leaf.sum(0), grads) if call.layer.tied else grads


@fault(Repeat, leaf=PARAMETERS, diagnosis=(Mistake.GATHERING, Mistake.ONLY_ONE_OF_SUM), fits=_tied)
def tied_weight_counted_once(call: Call, dy: Any) -> Grads:
    """The first application's gradient alone: `=` where `+=` belongs."""
    dx, grads = _applications(call, dy, call.params)
    return dx, jax.tree.map(lambda leaf: leaf[0], grads)


@fault(Repeat, leaf=PARAMETERS, diagnosis=SHARES, fits=_tied)
def tied_weight_averaged(call: Call, dy: Any) -> Grads:
    """The mean over all applications for the sum."""
    dx, grads = _applications(call, dy, call.params)
    return dx, jax.tree.map(lambda leaf: leaf.mean(0), grads)


@fault(Repeat, leaf=PARAMETERS, diagnosis=(Mistake.REVERSED, Mistake.SHIFTED), fits=_untied)
def gradients_stacked_in_reverse(call: Call, dy: Any) -> Grads:
    """The first layer's gradient stands where the last one's belongs: a list left reversed."""
    dx, grads = call.right(dy)
    return dx, jax.tree.map(lambda leaf: leaf[::-1], grads)


@fault(Repeat, leaf=ANY, diagnosis=(Mistake.GATHERING, Mistake.REVERSED, Mistake.COTANGENT))
def scan_run_forwards(call: Call, dy: Any) -> Grads:
    """The backward scan runs from the first application to the last."""
    dx, grads = _applications(call, dy, call.params, reverse=False)
    return dx, _collected(call, grads)


@fault(Repeat, leaf=ANY, diagnosis=Mistake.REVERSED, fits=_untied)
def parameters_of_another_depth(call: Call, dy: Any) -> Grads:
    """Each application goes back through the weights of its mirror image."""
    flipped = jax.tree.map(lambda leaf: leaf[::-1], call.params)
    return _applications(call, dy, flipped)


@fault(
    Repeat, leaf=ANY, diagnosis=(Mistake.MISSING, Mistake.ELEMENTS_MISSING, Mistake.SLICE_MISSING)
)
def truncated_after_one_application(call: Call, dy: Any) -> Grads:
    """The cotangent goes through the last application alone, then stops."""
    last = jax.tree.map(lambda leaf: leaf[-1], call.tape)
    params = call.params["inner"]
    if call.layer.tied:
        dx, grads = call.layer.inner.backward(params, last, dy)
        return dx, {"inner": grads}
    dx, own = call.layer.inner.backward(jax.tree.map(lambda leaf: leaf[-1], params), last, dy)
    times = call.layer.times
    alone = jax.tree.map(lambda leaf: jnp.zeros((times, *leaf.shape), leaf.dtype), own)
    return dx, {"inner": jax.tree.map(lambda all, one: all.at[-1].set(one), alone, own)}
