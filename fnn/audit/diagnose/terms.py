"""A term is missing, or one too many: the error itself is a tensor of the layer's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.problem.problem import Array

NEAR = 1e-6
"""distance at which a factor of a term counts as 1"""
LEVELS = 3
"""values that the slope of a mask takes at most"""


def near_tensor(leaf: WrongLeaf) -> Diagnosis | None:
    """The error is a multiple of the cotangent, the input, a parameter, a child's gradient."""
    for name, tensor in _tensors(leaf):
        c = leaf.multiple(leaf.error, tensor)
        if c is None:
            continue
        if abs(c + 1) < NEAR:
            return Diagnosis(Mistake.TERM_MISSING, c, name)
        if abs(c - 1) < NEAR:
            return Diagnosis(Mistake.TERM_REPEATED, c, name)
        return Diagnosis(Mistake.TERM_SCALED, c, name)
    return None


def instead(leaf: WrongLeaf) -> Diagnosis | None:
    """The gradient itself is a multiple of another tensor."""
    if leaf.combines:  # what is left of a sum when a branch is dropped
        return None
    for name, tensor in _tensors(leaf):
        c = leaf.multiple(leaf.claimed, tensor)
        if c is not None and leaf.expected.size > 1:
            return Diagnosis(Mistake.WRONG_TENSOR, c, name, role="the gradient")
    return None


def projections(leaf: WrongLeaf) -> Diagnosis | None:
    """What normalization subtracts: a mean, a part along x̂, or both; over one axis or the other."""
    x = leaf.array("x")
    if x is None or x.shape != leaf.expected.shape or x.ndim < 2:
        return None
    if "weight" in leaf.params or _is_elementwise(leaf):  # a coincidence: it normalizes nothing
        return None
    ones = np.ones_like(x)
    for axes, over in _axes(x.ndim):
        centered = x - x.mean(axes, keepdims=True)
        for name, basis in (
            ("the mean", [ones]),
            ("the part along x̂ (through the variance)", [centered]),
            (
                "the mean and the part along x̂ (the statistics taken as constants)",
                [ones, centered],
            ),
        ):
            if combines(leaf.error, basis, axes):
                return Diagnosis(Mistake.PROJECTION, tensor=name, role=over, count=len(basis))
    return None


def combines(error: Array, basis: list[Array], axes: tuple[int, ...]) -> bool:
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


def _tensors(leaf: WrongLeaf) -> Iterator[tuple[str, Array]]:
    """Tensors of the layer's, one of which may have the shape of the leaf, and what they are."""
    for name, words in (("dy", "the cotangent itself"), ("x", "the input"), ("y", "the output")):
        tensor = leaf.array(name)
        if tensor is not None:
            yield words, tensor
    for path, value in leaf.params.items():
        yield f"the parameter {path} (a decay or penalty)", value
        yield f"the sign of the parameter {path} (a penalty)", np.sign(value)
    for name, other in leaf.others.items():
        yield f"the gradient of {name}", other


def _is_elementwise(leaf: WrongLeaf) -> bool:
    """Without parameters, and the expected gradient is the cotangent times one of few numbers."""
    dy = leaf.array("dy")
    if leaf.params or dy is None or dy.shape != leaf.expected.shape:
        return False
    present = np.abs(dy) > 1e-9 * np.abs(dy).max()
    return len(np.unique(np.round(leaf.expected[present] / dy[present], 9))) <= LEVELS


def _axes(ndim: int) -> list[tuple[tuple[int, ...], str]]:
    batch = tuple(range(ndim - 1))
    return [(batch, "the batch"), ((ndim - 1,), "the features"), ((0,), "the examples")]
