"""What kind of mistake it is, in words, from the shape of the error."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose import elements, factor, formulas, normalization, terms
from fnn.audit.diagnose.context import Context

HYPOTHESES = (
    elements.not_finite,
    factor.nothing,
    factor.rounded,
    factor.constant,
    elements.few,
    elements.arrangement,
    elements.clipped,
    formulas.matrices,
    formulas.lookups,
    formulas.number_left_out,
    formulas.targets,
    formulas.weights,
    normalization.terms,
    terms.one_of_the_sum,
    terms.rows_sum,
    formulas.slope,
    elements.broadcast,
    terms.instead,
    terms.near_tensor,
    elements.dropped,
    elements.slice_of_an_axis,
    elements.by_row,
    terms.projections,
)
"""from the plainest to the most special; the first that fits is told"""


def diagnose(case: Context) -> str:
    """The first hypothesis that fits, or how much is wrong and by how much."""
    if case.own.shape != case.right.shape:
        return f"has shape {case.own.shape}; expected {case.right.shape}"
    for hypothesis in HYPOTHESES:
        words = hypothesis(case)
        if words is not None:
            return words
    if case.combines:
        return _between(case)
    wrong = np.abs(case.error) > case.exact * case.size
    largest = np.abs(case.error).max() / case.size
    return (
        f"{wrong.sum():,} of {wrong.size:,} elements are off, by up to {largest:.2g} of the largest"
    )


def _between(case: Context) -> str:
    """A combinator whose layers are right by themselves."""
    if case.input_right and not case.leaf.startswith("input"):
        told = "a tied one counted once, or several out of order"
        return f"the gradients of the layers inside are gathered wrongly: {told}"
    return "a layer inside, right by itself, is handed a wrong cotangent"


__all__ = ["Context", "diagnose"]
