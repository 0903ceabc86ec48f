"""Sums over examples and over time: a part is missing, or stands for all."""

from __future__ import annotations

from collections.abc import Iterator

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.problem.problem import Array
from fnn.layer import Layer


@diagnoses(Layer)
def one_of_the_sum(leaf: WrongLeaf) -> Diagnosis | None:
    """A sum over examples (or over steps of time) of which a part is left out."""
    dy, x = leaf.array("dy"), leaf.array("x")
    if dy is None or leaf.leaf.startswith(("input", "output")) or dy.shape[0] < 2:
        return None
    if leaf.expected.ndim == 1 and leaf.expected.shape == dy.shape[-1:]:
        x = None
    elif x is None or leaf.expected.shape != x.shape[-1:] + dy.shape[-1:]:
        return None
    for unit, number, term in _terms(x, dy):
        for kind, partial in (
            (Mistake.ONLY_ONE_OF_SUM, term),
            (Mistake.ONE_MISSING_FROM_SUM, leaf.expected - term),
            (Mistake.ONE_TWICE_IN_SUM, leaf.expected + term),
        ):
            if leaf.same(leaf.claimed, partial):
                return Diagnosis(kind, unit=unit, index=(number,))
    for step in range(dy.shape[-2]) if dy.ndim > 2 else ():
        if leaf.same(
            leaf.claimed, _product(None if x is None else x[..., step, :], dy[..., step, :])
        ):
            return Diagnosis(Mistake.ONLY_ONE_OF_SUM, unit="step", index=(step,))
    return None


def _terms(x: Array | None, dy: Array) -> Iterator[tuple[str, int, Array]]:
    """What each example, and then each row of examples and time, contributes."""
    for i in range(len(dy)):
        yield "example", i, _product(None if x is None else x[i], dy[i])
    rows = dy.reshape(-1, dy.shape[-1])
    inputs = None if x is None else x.reshape(-1, x.shape[-1])
    for i, row in enumerate(rows):
        yield "row", i, _product(None if inputs is None else inputs[i], row)


def _product(x: Array | None, dy: Array) -> Array:
    """xᵀ dy of a weight, Σ dy of a bias."""
    flat = dy.reshape(-1, dy.shape[-1])
    product: Array = flat.sum(0) if x is None else x.reshape(-1, x.shape[-1]).T @ flat
    return product
