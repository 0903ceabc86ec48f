"""Mistakes in how cotangents and gradients are passed between layers."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.fault import ANY, INPUT, SHARES, Site, fault
from experiments.audit_power.mutations.inject import Call
from fnn.audit.diagnosis import Mistake
from fnn.combinators import Parallel, Residual, Serial
from fnn.layer import Layer, PyTree
from fnn.layers import Dense

Grads = tuple[Any, PyTree]
PARAMETERS = ("weight", "bias", "scale", "shift")


def shifts(site: Site) -> bool:
    """A Dense is followed by a layer that keeps the shape, whose cotangents can be mistaken."""
    children = site.node.children(site.shape)
    return any(
        isinstance(one.layer, Dense) and _kept(two.layer, two.in_shape)
        for one, two in itertools.pairwise(children)
    )


def _kept(layer: Layer, in_shape: PyTree) -> bool:
    return bool(layer.out_shape(in_shape).shape == in_shape.shape)


def twins(site: Site) -> bool:
    """Two layers have parameters of the same shapes."""
    key = jax.random.key(0)
    result = [
        jax.eval_shape(lambda child=child: child.layer.init(key, child.in_shape)[0])
        for child in site.node.children(site.shape)
    ]
    return _pair(result) is not None


def _pair(trees: Any) -> tuple[int, int] | None:
    """The first two trees of the same structure and shapes."""
    described = [
        (jax.tree.structure(tree), [leaf.shape for leaf in jax.tree.leaves(tree)]) for tree in trees
    ]
    for one, two in itertools.combinations(range(len(described)), 2):
        if described[one] == described[two] and described[one][1]:
            return one, two
    return None


@fault(
    Serial,
    leaf=PARAMETERS,
    diagnosis=(Mistake.SHIFTED, Mistake.SWAPPED, Mistake.ROWS_MISALIGNED),
    fits=shifts,
)
def cotangents_shifted_by_one_layer(call: Call, dy: Any) -> Grads:
    """Each layer's parameters meet the cotangent of the next layer's output, where it fits."""
    grads, above = [], dy
    layers = zip(call.layer.layers, call.params["layers"], call.tape, strict=True)
    for layer, params, tape in reversed(list(layers)):
        seen = above if above.shape == dy.shape else dy
        grads.append(layer.backward(params, tape, seen)[1])
        above, (dy, _) = dy, layer.backward(params, tape, dy)
    return dy, {"layers": tuple(reversed(grads))}


@fault(Serial, leaf=PARAMETERS, diagnosis=(Mistake.SWAPPED, Mistake.EXCHANGED), fits=twins)
def gradients_of_two_layers_exchanged(call: Call, dy: Any) -> Grads:
    """Two layers of the same shape get each other's gradients."""
    dx, grads = call.right(dy)
    mixed = list(grads["layers"])
    one, two = _pair(mixed) or (0, 0)
    mixed[one], mixed[two] = mixed[two], mixed[one]
    return dx, {"layers": tuple(mixed)}


def _sides(call: Call, dy: Any) -> tuple[Any, Any, PyTree]:
    """What comes back through the shortcut and through the inner layer, and all gradients."""
    inputs, grads = {"shortcut": dy}, {}
    for child in call.layer.children(None):
        name = child.path
        inputs[name], grads[name] = child.layer.backward(call.params[name], call.tape[name], dy)
    return inputs["shortcut"], inputs["inner"], grads


def around(site: Site) -> bool:
    """The shortcut is a layer of its own."""
    return site.node.shortcut is not None


@fault(Residual, leaf=INPUT, diagnosis=Mistake.TERM_MISSING)
def shortcut_dropped(call: Call, dy: Any) -> Grads:
    """dx is the inner layer's alone: what a residual network exists for is lost."""
    _, inner, grads = _sides(call, dy)
    return inner, grads


@fault(Residual, leaf=INPUT, diagnosis=Mistake.TERM_MISSING)
def inner_layer_dropped(call: Call, dy: Any) -> Grads:
    """dx is the shortcut's alone."""
    shortcut, _, grads = _sides(call, dy)
    return shortcut, grads


@fault(Residual, leaf=INPUT, diagnosis=(Mistake.TERM_REPEATED, Mistake.TWICE))
def shortcut_doubled(call: Call, dy: Any) -> Grads:
    """The shortcut's cotangent is added twice."""
    shortcut, inner, grads = _sides(call, dy)
    return shortcut + shortcut + inner, grads


@fault(Residual, leaf=INPUT, diagnosis=(Mistake.TERM_REPEATED, Mistake.TWICE))
def inner_layer_doubled(call: Call, dy: Any) -> Grads:
    """The inner layer's cotangent is added twice."""
    shortcut, inner, grads = _sides(call, dy)
    return shortcut + inner + inner, grads


@fault(Residual, leaf=ANY, diagnosis=Mistake.COTANGENT, fits=around)
def shortcut_behind_the_inner_layer(call: Call, dy: Any) -> Grads:
    """The shortcut's parameters meet a cotangent that includes the inner layer's output y."""
    dx, grads = call.right(dy)
    _, own = call.layer.shortcut.backward(
        call.params["shortcut"], call.tape["shortcut"], dy + call.y
    )
    return dx, {**grads, "shortcut": own}


def _branches(call: Call, cotangents: Any) -> tuple[list[Any], PyTree]:
    """What comes back through each branch for these cotangents."""
    tapes, _ = call.tape
    branches = zip(call.layer.branches, call.params["branches"], tapes, cotangents, strict=True)
    inputs, grads = zip(*(layer.backward(*rest) for layer, *rest in branches), strict=True)
    return list(inputs), {"branches": grads}


def _pieces(call: Call, dy: Any) -> list[Any]:
    """The right cotangent of each branch."""
    widths: Any = call.tape[1].value
    if call.layer.join == "sum":
        return [dy] * len(call.layer.branches)
    return jnp.split(dy, list(itertools.accumulate(widths))[:-1], axis=-1)


def _same_widths(site: Site) -> bool:
    layer, shapes = site.node, [branch.out_shape(site.shape).shape for branch in site.node.branches]
    return layer.join == "concatenate" and len(shapes) > 1 and shapes[0] == shapes[1]


def _joined(how: str) -> Any:
    return lambda site: site.node.join == how


@fault(
    Parallel,
    leaf=ANY,
    diagnosis=(Mistake.SWAPPED, Mistake.EXCHANGED, Mistake.COTANGENT),
    fits=_same_widths,
)
def branches_exchanged(call: Call, dy: Any) -> Grads:
    """The first two branches get each other's part of the cotangent."""
    one, two, *rest = _pieces(call, dy)
    inputs, grads = _branches(call, [two, one, *rest])
    return sum(inputs), grads


@fault(
    Parallel, leaf=ANY, diagnosis=(Mistake.SHIFTED, Mistake.COTANGENT), fits=_joined("concatenate")
)
def split_at_the_wrong_place(call: Call, dy: Any) -> Grads:
    """The cotangent of the joined branches is split one feature too late."""
    inputs, grads = _branches(call, _pieces(call, jnp.roll(dy, -1, -1)))
    return sum(inputs), grads


@fault(Parallel, leaf=INPUT, diagnosis=Mistake.TERM_MISSING)
def branch_dropped(call: Call, dy: Any) -> Grads:
    """dx is the sum over all branches but the first."""
    inputs, grads = _branches(call, _pieces(call, dy))
    return sum(inputs[1:]), grads


@fault(Parallel, leaf=INPUT, diagnosis=SHARES)
def branches_averaged(call: Call, dy: Any) -> Grads:
    """dx is the mean over the branches for the sum."""
    inputs, grads = _branches(call, _pieces(call, dy))
    return sum(inputs) / len(inputs), grads


@fault(Parallel, leaf=ANY, diagnosis=SHARES, fits=_joined("sum"))
def cotangent_shared_among_branches(call: Call, dy: Any) -> Grads:
    """Each branch of a sum gets its share of the cotangent, where each must get all of it."""
    return call.right(dy / len(call.layer.branches))
