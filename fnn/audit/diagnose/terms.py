"""A term is missing, or one too many: the error itself is a tensor that was near."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fnn.audit.diagnose.context import Context, shown
from fnn.audit.problem.problem import Array
from fnn.layers import Activation, Dense, Dropout


def near_tensor(case: Context) -> str | None:
    """The error is a multiple of the cotangent, the input, a parameter, a child's gradient."""
    for name, tensor in _near(case):
        c = case.multiple(case.error, tensor)
        if c is None:
            continue
        if abs(c + 1) < 1e-6:
            return f"a term is missing: {name}"
        if abs(c - 1) < 1e-6:
            return f"a term too much: {name}, counted once more than it should be"
        return f"the error is × {shown(c)} {name}: a term is missing or one too many"
    return None


def instead(case: Context) -> str | None:
    """The gradient itself is a multiple of another tensor."""
    if case.combines:  # what is left of a sum when a branch is dropped
        return None
    for name, tensor in _near(case):
        c = case.multiple(case.own, tensor)
        if c is not None and case.right.size > 1:
            return f"× {shown(c)} {name} stands in the place of the gradient: the wrong tensor"
    return None


def one_of_the_sum(case: Context) -> str | None:
    """A sum over examples (or over steps of time) of which a part was left out."""
    dy, x = case.array("dy"), case.array("x")
    if dy is None or case.leaf.startswith(("input", "output")) or dy.shape[0] < 2:
        return None
    if case.right.ndim == 1 and case.right.shape == dy.shape[-1:]:
        terms = [(f"example {i}", dy[i].reshape(-1, dy.shape[-1]).sum(0)) for i in range(len(dy))]
        steps = [(f"row {i}", row) for i, row in enumerate(dy.reshape(-1, dy.shape[-1]))]
    elif x is not None and case.right.shape == x.shape[-1:] + dy.shape[-1:]:
        terms = [(f"example {i}", _outer(x[i], dy[i])) for i in range(len(dy))]
        flat = zip(x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1]), strict=True)
        steps = [(f"row {i}", _outer(a, b)) for i, (a, b) in enumerate(flat)]
    else:
        return None
    for name, term in [*terms, *steps]:
        if case.same(case.own, term):
            return f"only {name} of the sum: the others are missing (written over, not added)"
        if case.same(case.own, case.right - term):
            return f"{name} is missing from the sum"
        if case.same(case.own, case.right + term):
            return f"{name} is counted twice"
    if dy.ndim > 2:
        for i in range(dy.shape[-2]):
            part = dy[..., i, :]
            made = part.reshape(-1, part.shape[-1]).sum(0)
            if case.right.ndim == 2 and x is not None:
                made = _outer(x[..., i, :], part)
            if case.same(case.own, made):
                return f"only step {i} of the sum over time: the others are missing"
    return None


def projections(case: Context) -> str | None:
    """What normalization subtracts: a mean, a part along x̂, or both; over one axis or the other."""
    x = case.array("x")
    if x is None or x.shape != case.right.shape or x.ndim < 2:
        return None
    if isinstance(case.layer, Activation | Dense | Dropout):
        return None
    for axes, over in _axes(x.ndim):
        ones = np.ones_like(x)
        centered = x - x.mean(axes, keepdims=True)
        for names, basis in (
            (("the mean",), [ones]),
            (("the part along x̂ (through the variance)",), [centered]),
            (
                ("the mean and the part along x̂ (the statistics taken as constants)",),
                [ones, centered],
            ),
        ):
            if _within(case.error, basis, axes):
                told = "is missing or wrong" if len(basis) == 1 else "are missing or wrong"
                return f"a term that normalization takes away over {over} {told}: {names[0]}"
    return None


def rows_sum(case: Context) -> str | None:
    """Softmax: the error of each row is a multiple of the probabilities."""
    y, dy = case.array("y"), case.array("dy")
    if y is None or dy is None or y.shape != case.right.shape or isinstance(case.layer, Activation):
        return None
    if case.same(case.own, y * (1 - y) * dy):
        return "only the diagonal of the Jacobian: the terms between outputs are missing"
    if case.same(case.own, y * (dy - (dy * y).sum(0))):
        return "the sum Σ dy y is taken over the batch: the wrong axis"
    if case.same(case.own, y * dy):
        return "a term is missing: − y Σ dy y, the sum over the other outputs"
    if _within(case.error, [y], (y.ndim - 1,)):
        return "the error of each row is a multiple of y: the sum Σ dy y is wrong or missing"
    return None


def _near(case: Context) -> Iterator[tuple[str, Array]]:
    """Tensors in the shape of the leaf, and what they are."""
    for name, words in (("dy", "the cotangent itself"), ("x", "the input"), ("y", "the output")):
        tensor = case.array(name)
        if tensor is not None:
            yield words, tensor
    for path, value in case.params.items():
        yield f"the parameter {path} (a decay or penalty)", value
        yield f"the sign of the parameter {path} (a penalty)", np.sign(value)
    for name, other in case.others.items():
        yield f"the gradient of {name}", other


def _within(error: Array, basis: list[Array], axes: tuple[int, ...]) -> bool:
    """Whether the error is a combination of the basis, with coefficients of its own off `axes`."""
    kept = [axis for axis in range(error.ndim) if axis not in axes]
    order = [*kept, *axes]
    count = int(np.prod([error.shape[axis] for axis in axes]))
    if count <= len(basis) + 1:
        return False
    rows = error.transpose(order).reshape(-1, count)
    columns = [part.transpose(order).reshape(-1, count) for part in basis]
    left = np.empty_like(rows)
    for i, row in enumerate(rows):
        matrix = np.stack([column[i] for column in columns], 1)
        solution = np.linalg.lstsq(matrix, row, rcond=None)[0]
        left[i] = row - matrix @ solution
    return bool(np.abs(left).max() <= 1e-7 * np.abs(rows).max())


def _axes(ndim: int) -> list[tuple[tuple[int, ...], str]]:
    batch = tuple(range(ndim - 1))
    return [(batch, "the batch"), ((ndim - 1,), "the features"), ((0,), "the examples")]


def _outer(x: Array, dy: Array) -> Array:
    return x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
