"""Losses: another example's target, another loss, a derivative twice."""

from __future__ import annotations

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.problem.problem import Array
from fnn.losses import Loss
from fnn.spec import SpecError, named_leaves, with_numbers

INFINITE = 1e30
"""in the place of a bound"""


@diagnoses(Loss)
def number_forgotten(leaf: WrongLeaf) -> Diagnosis | None:
    """As if a number of the spec were 0, 1 or infinite."""
    if not isinstance(leaf.layer, Loss):
        return None
    for path, number in named_leaves(leaf.layer).items():
        for value in (0.0, 1.0, INFINITE):
            if float(number) == value:
                continue
            try:
                changed = with_numbers(leaf.layer, {path: value})
            except SpecError:  # the field may not hold it
                continue
            if leaf.same(leaf.claimed, _gradient(changed, leaf.x, leaf.target)):
                value = float("inf") if value == INFINITE else value
                return Diagnosis(Mistake.NUMBER_FORGOTTEN, float(number), tensor=path, value=value)
    return None


@diagnoses(Loss)
def targets(leaf: WrongLeaf) -> Diagnosis | None:
    """A loss that compares with other targets, or with a derivative on top."""
    z, target = leaf.array("x"), leaf.target
    if not isinstance(leaf.layer, Loss) or target is None or z is None:
        return None
    for step in (1, -1):
        if leaf.same(leaf.claimed, _gradient(leaf.layer, z, np.roll(target, step, 0))):
            return Diagnosis(Mistake.OTHER_TARGET)
    c = leaf.multiple(leaf.claimed, z - _as_numbers(target, z))
    if c is not None:
        return Diagnosis(Mistake.OTHER_LOSS, c)
    return _derivative_on_top(leaf, z) or _link_forgotten(leaf, z)


def _derivative_on_top(leaf: WrongLeaf, z: Array) -> Diagnosis | None:
    for name, derivative in _derivatives(z):
        if leaf.same(leaf.claimed, leaf.expected * derivative):
            return Diagnosis(Mistake.DERIVATIVE_ON_TOP, tensor=f"the derivative of {name}")
    q = _softmax(z, -1)
    if leaf.same(leaf.claimed, q * (leaf.expected - (leaf.expected * q).sum(-1, keepdims=True))):
        return Diagnosis(Mistake.DERIVATIVE_ON_TOP, tensor="softmax's Jacobian")
    return None


def _link_forgotten(leaf: WrongLeaf, z: Array) -> Diagnosis | None:
    q = _softmax(z, -1)
    for name, link in (("softmax", q), ("sigmoid", _sigmoid(z))):
        if leaf.multiple(leaf.error, z - link):
            return Diagnosis(Mistake.LINK_FORGOTTEN, tensor=name)
    if leaf.multiple(leaf.error, _softmax(z, 0) - q):
        return Diagnosis(Mistake.WRONG_AXIS, tensor="softmax", role="the batch")
    return None


def _derivatives(z: Array) -> Iterator[tuple[str, Array]]:
    p, q = _sigmoid(z), _softmax(z, -1)
    yield "the sigmoid", p * (1 - p)
    yield "softmax", q * (1 - q)
    yield "the output (taken for a probability)", z * (1 - z)
    yield "tanh", 1 - np.tanh(z) ** 2


def _as_numbers(target: NDArray[np.generic], z: Array) -> Array:
    """A target in the shape of the output: class numbers become one-hot rows."""
    if target.ndim < z.ndim and z.shape[-1] > 1:
        one_hot: Array = np.eye(z.shape[-1])[target.astype(int)]
        return one_hot
    floats = target.astype(z.dtype)
    return np.broadcast_to(floats.reshape(*target.shape, *(1,) * (z.ndim - target.ndim)), z.shape)


def _sigmoid(z: Array) -> Array:
    p: Array = 1 / (1 + np.exp(-z))
    return p


def _softmax(z: Array, axis: int) -> Array:
    e = np.exp(z - z.max(axis, keepdims=True))
    q: Array = e / e.sum(axis, keepdims=True)
    return q


def _gradient(loss: Loss, output: object, target: object) -> Array:
    return np.asarray(loss.gradient(jnp.asarray(output), jnp.asarray(target)))
