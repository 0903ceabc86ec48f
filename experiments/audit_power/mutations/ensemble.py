"""Mistakes along the axis of an ensemble's members."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.combinators import PARAMETERS
from experiments.audit_power.mutations.fault import ANY, INPUT, SHARES, Site, fault
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.combinators import Ensemble
from fnn.layer import PyTree

Grads = tuple[Any, PyTree]


def _unequal(site: Site) -> bool:
    """Members have shares of the cotangent of their own."""
    return bool(site.node.average != "mean")


def _several(site: Site) -> bool:
    """With two members, shifted is reversed, and one of them is half."""
    return bool(site.node.members > 2)


def _members(call: Call, dz: Any) -> Grads:
    """What comes back through each member by itself, for these cotangents of their outputs."""
    tapes, _ = call.tape
    dx, grads = jax.vmap(call.layer.inner.backward)(call.params["inner"], tapes, dz)
    return dx, {"inner": grads}


def _apart(call: Call, dy: Any) -> Grads:
    """The inputs' gradients of all members apart, (M, …), and the parameters'."""
    return _members(call, call.layer.cotangents(call.tape[1], dy))


@fault(Ensemble, leaf=PARAMETERS, diagnosis=Diagnosis(Mistake.BROADCAST, tensor="mean", axis=0))
def members_gradients_averaged(call: Call, dy: Any) -> Grads:
    """Every member gets the mean of all members' gradients: they are no longer kept apart."""
    dx, grads = call.right(dy)
    return dx, jax.tree.map(lambda leaf: jnp.broadcast_to(leaf.mean(0), leaf.shape), grads)


@fault(Ensemble, leaf=PARAMETERS, diagnosis=Diagnosis(Mistake.BROADCAST, tensor="sum", axis=0))
def members_gradients_summed(call: Call, dy: Any) -> Grads:
    """Every member gets the sum of all members' gradients."""
    dx, grads = call.right(dy)
    return dx, jax.tree.map(lambda leaf: jnp.broadcast_to(leaf.sum(0), leaf.shape), grads)


@fault(Ensemble, leaf=PARAMETERS, diagnosis=Diagnosis(Mistake.BROADCAST, index=(0,), axis=0))
def first_members_gradients_for_all(call: Call, dy: Any) -> Grads:
    """Every member gets the first one's gradients."""
    dx, grads = call.right(dy)
    return dx, jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[0], leaf.shape), grads)


@fault(Ensemble, leaf=PARAMETERS, diagnosis=Diagnosis(Mistake.SHIFTED, axis=0), fits=_several)
def members_gradients_shifted(call: Call, dy: Any) -> Grads:
    """Each member gets the gradients of the one before it."""
    dx, grads = call.right(dy)
    return dx, jax.tree.map(lambda leaf: jnp.roll(leaf, 1, 0), grads)


@fault(
    Ensemble,
    leaf=PARAMETERS,
    diagnosis=(Mistake.SLICE_MISSING, Mistake.ELEMENTS_MISSING),
    fits=_several,
)
def last_members_gradients_missing(call: Call, dy: Any) -> Grads:
    """A loop over the members that ends one too early."""
    dx, grads = call.right(dy)
    return dx, jax.tree.map(lambda leaf: leaf.at[-1].set(0), grads)


@fault(Ensemble, leaf=ANY, diagnosis=Mistake.COTANGENT, fits=_unequal)
def shares_of_members_exchanged(call: Call, dy: Any) -> Grads:
    """Each member goes back with the share of the cotangent that is the next one's."""
    dx, grads = _members(call, jnp.roll(call.layer.cotangents(call.tape[1], dy), -1, 0))
    return dx.sum(0), grads


@fault(Ensemble, leaf=ANY, diagnosis=(Mistake.TWICE, Mistake.NOT_DIVIDED, Mistake.FACTOR))
def share_of_a_member_forgotten(call: Call, dy: Any) -> Grads:
    """Each member gets M times its share of the cotangent: the mean's 1/M is forgotten."""
    return call.right(dy * call.layer.members)


@fault(Ensemble, leaf=ANY, diagnosis=Mistake.COTANGENT, fits=_unequal)
def probabilities_averaged_as_outputs(call: Call, dy: Any) -> Grads:
    """All members get the same share dy / M, as if outputs and not probabilities were averaged."""
    count = call.layer.members
    dx, grads = _members(call, jnp.broadcast_to(dy / count, (count, *dy.shape)))
    return dx.sum(0), grads


@fault(Ensemble, leaf=INPUT, diagnosis=SHARES)
def inputs_of_members_averaged(call: Call, dy: Any) -> Grads:
    """dx is the mean over the members for the sum."""
    dx, grads = _apart(call, dy)
    return dx.mean(0), grads


@fault(Ensemble, leaf=INPUT, diagnosis=Mistake.TERM_MISSING, fits=_several)
def input_of_one_member_missing(call: Call, dy: Any) -> Grads:
    """dx is the sum over all members but the first."""
    dx, grads = _apart(call, dy)
    return dx[1:].sum(0), grads
