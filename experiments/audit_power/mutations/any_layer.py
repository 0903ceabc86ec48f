"""Mistakes that fit any layer: planted in those that no other file of this folder knows.

A new layer is among them as soon as its module gives examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.coverage.describe import kind_name
from experiments.audit_power.coverage.layer_examples import layer_examples
from experiments.audit_power.mutations.fault import ANY, INPUT, Fault, Site, fault, floats
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Mistake
from fnn.layer import Layer, PyTree

Grads = tuple[Any, PyTree]


def _has_parameters(site: Site) -> bool:
    return bool(jax.eval_shape(lambda: site.node.init(jax.random.key(0), site.shape)[0]))


@fault(Layer, leaf=INPUT, diagnosis=Mistake.TWICE, fits=floats)
def input_gradient_doubled(call: Call, dy: Any) -> Grads:
    """dx is added to itself."""
    dx, grads = call.right(dy)
    return 2 * dx, grads


@fault(Layer, leaf=INPUT, diagnosis=Mistake.FACTOR_PER_SLICE, fits=floats)
def examples_weighted(call: Call, dy: Any) -> Grads:
    """dx of each example is multiplied by its number in the batch, from 1 on."""
    dx, grads = call.right(dy)
    number = jnp.arange(1, len(dx) + 1, dtype=dx.dtype)
    return dx * number.reshape(-1, *(1,) * (dx.ndim - 1)), grads


@fault(Layer, leaf=ANY, diagnosis=Mistake.MISSING, fits=_has_parameters)
def parameter_gradients_forgotten(call: Call, dy: Any) -> Grads:
    """All parameters' gradients are left at zero."""
    dx, grads = call.right(dy)
    return dx, jax.tree.map(jnp.zeros_like, grads)


GENERAL = (
    input_gradient_doubled,
    examples_weighted,
    parameter_gradients_forgotten,
)


def faults_of_unknown_layers(known: set[type]) -> Iterator[Fault]:
    """The general faults of every kind of layer with examples that is none of the known ones."""
    kinds = {type(example.spec): example for example in layer_examples()}
    for cls, example in kinds.items():
        if cls in known:
            continue
        for general in GENERAL:
            if general.leaves != ANY or _has_parameters(
                Site("", example.spec, example.in_shape, None)  # type: ignore[arg-type]
            ):
                name = f"{kind_name(example.spec).replace('_', ' ')}: {general.name}"
                yield replace(general, name=name, family=(cls,))
