"""Mistakes where numbers are only moved: flattening, and rows looked up in a table."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from experiments.audit_power.mutations.fault import INPUT, Site, fault, floats
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Mistake
from fnn.layer import PyTree
from fnn.layers import Embedding, Flatten

Grads = tuple[Any, PyTree]


def several_axes(site: Site) -> bool:
    """Two axes or more of floats become one."""
    return floats(site) and site.node.ndim > 1


@fault(Flatten, leaf=INPUT, diagnosis=(Mistake.PERMUTED, Mistake.TRANSPOSED), fits=several_axes)
def unflattened_in_column_order(call: Call, dy: Any) -> Grads:
    """dy is put back column by column, where it was read row by row."""
    axes = call.tape.value
    ndim = len(axes)
    folded = dy.reshape(dy.shape[:-1] + axes[::-1])
    order = (*range(dy.ndim - 1), *reversed(range(dy.ndim - 1, dy.ndim - 1 + ndim)))
    return folded.transpose(order), {}


@fault(Flatten, leaf=INPUT, diagnosis=(Mistake.PERMUTED, Mistake.TRANSPOSED), fits=several_axes)
def batch_mixed_with_features(call: Call, dy: Any) -> Grads:
    """dy is transposed before it is reshaped: examples get each other's gradients."""
    return dy.T.reshape(call.x.shape), {}


@fault(
    Embedding, leaf="weight", diagnosis=(Mistake.DUPLICATES_OVERWRITTEN, Mistake.ONLY_ONE_OF_SUM)
)
def duplicates_not_accumulated(call: Call, dy: Any) -> Grads:
    """dW[x] = dy: of a class that comes twice, the last one stays."""
    weight = call.params["weight"]
    return None, {"weight": jnp.zeros_like(weight).at[call.tape].set(dy)}


@fault(Embedding, leaf="weight", diagnosis=(Mistake.DUPLICATES_AVERAGED, Mistake.FACTOR_PER_SLICE))
def duplicates_averaged(call: Call, dy: Any) -> Grads:
    """dW[x] is divided by how often the class came."""
    weight = call.params["weight"]
    count = jnp.zeros((weight.shape[0], 1), weight.dtype).at[call.tape].add(1)
    return None, {"weight": call.right(dy)[1]["weight"] / jnp.maximum(count, 1)}


@fault(Embedding, leaf="weight", diagnosis=Mistake.SHIFTED)
def rows_counted_from_one(call: Call, dy: Any) -> Grads:
    """Each class's gradient goes to the row after its own."""
    return None, {"weight": jnp.roll(call.right(dy)[1]["weight"], 1, 0)}


@fault(Embedding, leaf="weight", diagnosis=(Mistake.ELEMENTS_MISSING, Mistake.SLICE_MISSING))
def first_row_taken_for_padding(call: Call, dy: Any) -> Grads:
    """Row 0 gets no gradient, as if it stood for padding."""
    return None, {"weight": call.right(dy)[1]["weight"].at[0].set(0)}
