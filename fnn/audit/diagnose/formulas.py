"""The wrong formula itself: another tensor, a slope taken elsewhere, a number left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnn.audit.diagnose.context import Context, shown
from fnn.audit.problem.problem import Array
from fnn.layer import Layer
from fnn.layers import Activation
from fnn.losses import Loss
from fnn.spec import SpecError, named_leaves, with_numbers


def matrices(case: Context) -> str | None:
    """Products of the layer's matrices in another arrangement."""
    x, y, dy = (case.array(name) for name in ("x", "y", "dy"))
    weight = case.params.get("weight")
    if dy is None or x is None or weight is None or weight.ndim != 2:
        return None
    if case.leaf == "input":
        if dy.shape[-1] == weight.shape[0] and case.same(case.own, dy @ weight):
            return "the weight is not transposed: dy W for dy Wᵀ"
        for name, other in (("its input", x), ("its output", y)):
            if (
                other is not None
                and other.shape == dy.shape
                and case.same(case.own, other @ weight.T)
            ):
                return f"{name} stands in the place of the cotangent: the wrong tensor"
        bias = case.params.get("bias")
        if bias is not None and case.same(case.own, (dy + bias) @ weight.T):
            return "a term too much: the bias is added to the cotangent"
        step = case.others.get("weight")
        if step is not None and case.multiple(case.error, dy @ step.T):
            return "the weight has been updated already: the parameter of the next step"
    if case.leaf == "weight":
        flat = dy.reshape(-1, dy.shape[-1])
        for name, other in (("its own output", y), ("the cotangent", dy)):
            if other is None or other.shape[-1] != weight.shape[0]:
                continue
            if case.same(case.own, other.reshape(-1, other.shape[-1]).T @ flat):
                return f"{name} stands in the place of the layer's input: the wrong tensor"
        for step in (1, -1):
            rolled = np.roll(x, step, 0).reshape(-1, x.shape[-1])
            if case.same(case.own, rolled.T @ flat):
                return "input and cotangent are of different examples: rows shifted by one"
    return None


def slope(case: Context) -> str | None:
    """An elementwise derivative that is taken elsewhere, twice, or not at all."""
    x, y, dy = (case.array(name) for name in ("x", "y", "dy"))
    if x is None or dy is None or x.shape != case.right.shape or dy.shape != x.shape:
        return None
    if case.leaf != "input" or case.params:
        return None
    told = _known_slope(case, x, y, dy)
    if told:
        return told
    seen = np.abs(dy) > 1e-9 * np.abs(dy).max()
    own, right = case.own[seen] / dy[seen], case.right[seen] / dy[seen]
    levels = np.unique(np.round(right, 9))
    if len(levels) <= 3 and len(np.unique(np.round(own, 9))) <= 3:
        return _mask(np.round(own, 9), np.round(right, 9), levels)
    if not isinstance(case.layer, Activation):
        return None
    wrong = np.abs(own - right) > 1e-9 * max(np.abs(right).max(), 1e-300)
    side = "x < 0" if (x[seen][wrong] < 0).all() else "x > 0" if (x[seen][wrong] > 0).all() else ""
    where = f" where {side}" if side else ""
    c = case.multiple(own[wrong], right[wrong])
    factor = "" if c is None else f", × {shown(c)}"
    name = type(case.layer.function).__name__
    told = "another function's derivative, or a term of it is missing"
    return f"the slope of {name} is wrong{where}{factor}: {told}"


def _known_slope(case: Context, x: Array, y: Array | None, dy: Array) -> str | None:
    if case.same(case.own, dy):
        what = "slope" if isinstance(case.layer, Activation) else "mask or factor"
        return f"the {what} is left out: the cotangent passes as it is"
    with np.errstate(all="ignore"):
        own, right = case.own / dy, case.right / dy
    if case.same(np.nan_to_num(own), np.nan_to_num(right) ** 2):
        return "the slope is applied twice (squared)"
    if isinstance(case.layer, Activation) and y is not None:
        for name, place in (
            ("the activation instead of the pre-activation", y),
            ("the cotangent", dy),
        ):
            _, pull = jax.vjp(lambda x: case.layer.apply({}, {}, x)[0], place)
            if case.same(case.own, np.asarray(pull(dy)[0])):
                return f"the slope is taken at {name}: the wrong tensor"
        for name, tensor in (("x", x), ("y", y)):
            if case.same(np.nan_to_num(own), tensor):
                return f"the slope is {name} itself: the function stands for its derivative"
    return None


def _mask(own: Array, right: Array, levels: Array) -> str:
    wrong = own != right
    share = f"{wrong.sum()} of {wrong.size} elements"
    if np.isin(own, levels).all():
        return f"a mask of the wrong tensor: {share} are on the wrong side"
    values = ", ".join(shown(value) for value in np.unique(own[wrong])[:3])
    return f"the mask is wrong, or its factor: the slope is {values} at {share}"


def number_left_out(case: Context) -> str | None:
    """As if a number of the spec were 0, 1 or infinite."""
    if not isinstance(case.layer, Loss | Layer):
        return None
    for path, number in named_leaves(case.layer).items():
        for value in (0.0, 1.0, 1e30):
            if float(number) == value:
                continue
            try:
                changed = with_numbers(case.layer, {path: value})
            except SpecError:  # the field may not hold it
                continue
            if case.same(case.own, _gradient(changed, case)):
                told = (
                    "infinite: nothing is clipped" if value > 1 else f"{value:g}: it is forgotten"
                )
                return f"as if {path}, {float(number):g}, were {told}"
    return None


def targets(case: Context) -> str | None:
    """A loss that looks at other examples' targets, or with a slope on top."""
    if not isinstance(case.layer, Loss) or case.target is None:
        return None
    z = case.array("x")
    for step in (1, -1):
        if z is not None and case.same(
            case.own, _loss(case.layer, z, np.roll(case.target, step, 0))
        ):
            return "the target of another row: shifted by one example"
    if z is None:
        return None
    difference = z - _numbers(case.target, z)
    c = case.multiple(case.own, difference)
    if c is not None:
        return f"× {shown(c)} the output minus the target: the gradient of another loss"
    p, q = 1 / (1 + np.exp(-z)), _softmax(z, -1)
    for name, slope_of in _slopes(z, p, q):
        if case.same(case.own, case.right * slope_of):
            return f"the derivative of {name} on top of a loss that holds it already"
    if case.same(case.own, q * (case.right - (case.right * q).sum(-1, keepdims=True))):
        return "softmax's Jacobian on top of a loss that holds it already"
    for name, instead in (("softmax", q), ("sigmoid", p)):
        if case.multiple(case.error, z - instead):
            return f"the output itself stands for its {name}, which is forgotten"
    if case.multiple(case.error, _softmax(z, 0) - q):
        return "softmax over the batch: the wrong axis"
    return None


def _numbers(target: Array, z: Array) -> Array:
    """A target in the shape of the output: class numbers become one-hot rows."""
    if target.ndim < z.ndim and z.shape[-1] > 1:
        return np.eye(z.shape[-1])[target.astype(int)]
    return np.broadcast_to(target.reshape(*target.shape, *(1,) * (z.ndim - target.ndim)), z.shape)


def lookups(case: Context) -> str | None:
    """Rows of a table that several examples ask for."""
    x, dy, table = case.x, case.dy, case.params.get(case.leaf)
    if not isinstance(x, np.ndarray) or not np.issubdtype(x.dtype, np.integer) or table is None:
        return None
    last, mean = np.zeros_like(case.own), case.right.copy()
    for place in np.ndindex(*x.shape):
        last[x[place]] = dy[place]
    counts = np.bincount(x.ravel(), minlength=len(table))[: len(table)]
    mean /= np.maximum(counts, 1)[:, None]
    if case.same(case.own, last):
        return "duplicate indices are not accumulated: only the last example counts"
    if case.same(case.own, mean):
        return "duplicate indices are averaged, not added"
    return None


def _softmax(z: Array, axis: int) -> Array:
    e = np.exp(z - z.max(axis, keepdims=True))
    made: Array = e / e.sum(axis, keepdims=True)
    return made


def weights(case: Context) -> str | None:
    """The examples' weights left out, or applied twice."""
    if case.weight is None or case.right.shape[: case.weight.ndim] != case.weight.shape:
        return None
    missing = tuple(range(case.weight.ndim, case.right.ndim))
    weight = np.expand_dims(case.weight, missing)
    if case.multiple(case.own * weight, case.right):
        return "the weights of the examples are left out"
    if case.multiple(case.own, case.right * weight):
        return "the weights of the examples are applied twice"
    return None


def _slopes(z: Array, p: Array, q: Array) -> Iterator[tuple[str, Array]]:
    yield "the sigmoid", p * (1 - p)
    yield "softmax", q * (1 - q)
    yield "the output (taken for a probability)", z * (1 - z)
    yield "tanh", 1 - np.tanh(z) ** 2


def _gradient(layer: Any, case: Context) -> Array:
    if isinstance(layer, Loss):
        return _loss(layer, case.x, case.target)
    return case.right * np.nan


def _loss(loss: Loss, output: Array, target: Array) -> Array:
    return np.asarray(loss.gradient(jax.numpy.asarray(output), jax.numpy.asarray(target)))
