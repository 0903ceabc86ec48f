"""Diagnoses as text: each kind of mistake is worded here alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fnn.audit.diagnosis import Diagnosis, Mistake


def describe(diagnosis: Diagnosis) -> str:
    """What kind of mistake it is, in a line."""
    words = WORDS[diagnosis.kind]
    return words if isinstance(words, str) else words(diagnosis)


def shown(value: float | None) -> str:
    """A factor: four digits, no more."""
    assert value is not None
    return ("−" if value < 0 else "") + f"{abs(value):.4g}"


def _index(diagnosis: Diagnosis) -> str:
    return f"[{', '.join(map(str, diagnosis.index))}]"


def _share(diagnosis: Diagnosis) -> str:
    return f"{diagnosis.count} of {diagnosis.total} elements"


def _unknown(diagnosis: Diagnosis) -> str:
    return (
        f"{diagnosis.count:,} of {diagnosis.total:,} elements are off, "
        f"by up to {diagnosis.factor:.2g} of the largest"
    )


def _not_finite(diagnosis: Diagnosis) -> str:
    kind = "NaN" if diagnosis.value is not None and np.isnan(diagnosis.value) else "infinite"
    if diagnosis.count == 1:
        return f"{kind} at one element, {_index(diagnosis)}"
    return f"{kind} at {diagnosis.count} elements"


def _few(diagnosis: Diagnosis) -> str:
    if diagnosis.factor == 0:
        error = "it is zero"
    elif diagnosis.factor == -1:
        error = "its sign is turned"
    elif diagnosis.factor is not None:
        error = f"it is × {shown(diagnosis.factor)}"
    else:
        error = f"it is {diagnosis.value:.3g} and should be zero"
    which = "one element" if diagnosis.count == 1 else f"{diagnosis.count} elements, the first"
    return f"{which} of {diagnosis.total}, {_index(diagnosis)}: {error}"


def _slice(diagnosis: Diagnosis) -> str:
    missing = diagnosis.kind is Mistake.SLICE_MISSING
    error = "it is missing" if missing else "only this one is wrong"
    return f"{diagnosis.unit} {diagnosis.index[0]} of {diagnosis.total}: {error}"


def _rounded(diagnosis: Diagnosis) -> str:
    if diagnosis.tensor == "float32":
        return "rounded: right to the 7 digits of float32, somewhere in a float64 backward"
    if diagnosis.tensor == "bfloat16":
        return "rounded to bfloat16"
    return f"right to about {diagnosis.factor:.0e}: an approximation, or a narrower number"


def _transposed(diagnosis: Diagnosis) -> str:
    if not diagnosis.shapes:
        return "transposed"
    return "transposed: the numbers are those of the transpose, in this shape"


def _broadcast(diagnosis: Diagnosis) -> str:
    if diagnosis.tensor:
        return f"the {diagnosis.tensor} over axis {diagnosis.axis}, broadcast: the same for all"
    if diagnosis.index:
        which = f"{diagnosis.unit} {diagnosis.index[0]}'s, broadcast over axis {diagnosis.axis}"
        return f"{which}: the same for every {diagnosis.unit}"
    return f"broadcast along axis {diagnosis.axis}: the same for every {diagnosis.unit}"


def _size(diagnosis: Diagnosis) -> str:
    """× (a power of) a size, which has been forgotten or repeated; maybe with the sign turned."""
    assert diagnosis.factor is not None and diagnosis.value is not None
    sign = "×" if diagnosis.power > 0 else "÷"
    if diagnosis.factor / diagnosis.value**diagnosis.power < 0:
        return f"{sign} {diagnosis.tensor} and the sign turned: × {shown(diagnosis.factor)}"
    square = "²" if abs(diagnosis.power) == 2 else ""
    inverse = f" (1/{shown(diagnosis.value)})" if diagnosis.power == -1 else ""
    why = "a division is missing" if diagnosis.power > 0 else "divided once too often"
    return f"{sign} {diagnosis.tensor}{square} = × {shown(diagnosis.factor)}{inverse}: {why}"


def _factor_per_slice(diagnosis: Diagnosis) -> str:
    low, high = map(shown, diagnosis.values)
    return f"each {diagnosis.unit} by a factor of its own, from × {low} to × {high}"


def _wrong_tensor(diagnosis: Diagnosis) -> str:
    factor = "" if diagnosis.factor is None else f"× {shown(diagnosis.factor)} "
    return f"{factor}{diagnosis.tensor} stands in the place of {diagnosis.role}: the wrong tensor"


def _wrong_axis(diagnosis: Diagnosis) -> str:
    if not diagnosis.role:
        return f"{diagnosis.tensor} are taken over the wrong axis"
    taken = "" if diagnosis.tensor == "softmax" else " is taken"
    return f"{diagnosis.tensor}{taken} over {diagnosis.role}: the wrong axis"


def _number_forgotten(diagnosis: Diagnosis) -> str:
    infinite = diagnosis.value is not None and np.isinf(diagnosis.value)
    value = "infinite: nothing is clipped" if infinite else f"{diagnosis.value:g}: it is forgotten"
    number = f", {diagnosis.factor:g}," if diagnosis.factor is not None else ""
    return f"as if {diagnosis.tensor}{number} were {value}"


def _slope_wrong(diagnosis: Diagnosis) -> str:
    where = f" where {diagnosis.role}" if diagnosis.role else ""
    factor = "" if diagnosis.factor is None else f", × {shown(diagnosis.factor)}"
    why = "another function's derivative, or a term of it is missing"
    return f"the slope of {diagnosis.tensor} is wrong{where}{factor}: {why}"


def _mask_values(diagnosis: Diagnosis) -> str:
    values = ", ".join(map(shown, diagnosis.values))
    return f"the mask is wrong, or its factor: the slope is {values} at {_share(diagnosis)}"


def _only_one(diagnosis: Diagnosis) -> str:
    if diagnosis.unit == "step":
        return f"only step {diagnosis.index[0]} of the sum over time: the others are missing"
    one = f"{diagnosis.unit} {diagnosis.index[0]}"
    return f"only {one} of the sum: the others are missing (written over, not added)"


def _projection(diagnosis: Diagnosis) -> str:
    are = "are" if diagnosis.count == 2 else "is"
    return (
        f"a term that normalization takes away over {diagnosis.role} {are} missing or wrong: "
        f"{diagnosis.tensor}"
    )


WORDS: dict[Mistake, str | Callable[[Diagnosis], str]] = {
    Mistake.UNKNOWN: _unknown,
    Mistake.SHAPE: lambda d: f"has shape {d.shapes[0]}; expected {d.shapes[1]}",
    Mistake.ABSENT: "has no gradient of its own",
    Mistake.GATHERING: "the gradients of the layers inside are gathered wrongly: "
    "a tied one counted once, or several out of order",
    Mistake.COTANGENT: "a layer inside, right by itself, is handed a wrong cotangent",
    Mistake.NOT_FINITE: _not_finite,
    Mistake.FEW_ELEMENTS: _few,
    Mistake.ELEMENTS_MISSING: lambda d: f"zero elsewhere: {_share(d)} are missing",
    Mistake.SLICE_MISSING: _slice,
    Mistake.SLICE_WRONG: _slice,
    Mistake.CLIPPED: lambda d: f"clipped at {d.value:.3g}: larger elements are cut off",
    Mistake.ROUNDED: _rounded,
    Mistake.TRANSPOSED: _transposed,
    Mistake.WEIGHT_NOT_TRANSPOSED: "the weight is not transposed: dy W for dy Wᵀ",
    Mistake.REVERSED: lambda d: f"reversed along axis {d.axis}",
    Mistake.SHIFTED: lambda d: f"shifted by one along axis {d.axis}: every {d.unit} has another's",
    Mistake.EXCHANGED: "two elements are exchanged",
    Mistake.PERMUTED: "the right numbers in another order",
    Mistake.SWAPPED: lambda d: f"shifted or swapped: this is the gradient of {d.tensor}",
    Mistake.BROADCAST: _broadcast,
    Mistake.MISSING: "identically zero: this gradient is missing",
    Mistake.SPURIOUS: "should be zero: something flows here that should not",
    Mistake.SIGN: "× −1: the sign is turned",
    Mistake.TWICE: "× 2: counted twice, or a ½ forgotten",
    Mistake.HALF: "× ½: a factor 2 is missing",
    Mistake.RELATIVE_ERROR: lambda d: (
        f"× {d.factor:.10g}: a relative error of {shown((d.factor or 0) - 1)}"
    ),
    Mistake.NOT_DIVIDED: _size,
    Mistake.DIVIDED_AGAIN: _size,
    Mistake.FACTOR: lambda d: f"× {shown(d.factor)}{'' if d.total == 1 else ': a constant factor'}",
    Mistake.FACTOR_PER_SLICE: _factor_per_slice,
    Mistake.WRONG_TENSOR: _wrong_tensor,
    Mistake.WRONG_AXIS: _wrong_axis,
    Mistake.TERM_MISSING: lambda d: f"a term is missing: {d.tensor}",
    Mistake.TERM_ADDED: lambda d: f"a term too much: {d.tensor} is added to {d.role}",
    Mistake.TERM_REPEATED: lambda d: (
        f"a term too much: {d.tensor}, counted once more than it should be"
    ),
    Mistake.TERM_SCALED: lambda d: (
        f"the error is × {shown(d.factor)} {d.tensor}: a term is missing or one too many"
    ),
    Mistake.TERM_SIGN: lambda d: f"{d.tensor} has the wrong sign",
    Mistake.LEFT_OUT: lambda d: (
        f"the {d.tensor} is left out" + (f": the {d.role} passes as it is" if d.role else "")
    ),
    Mistake.NUMBER_FORGOTTEN: _number_forgotten,
    Mistake.PARAMETER_UPDATED: "the weight has been updated already: "
    "the parameter of the next step",
    Mistake.SLOPE_TWICE: "the slope is applied twice (squared)",
    Mistake.SLOPE_ELSEWHERE: lambda d: f"the slope is taken at {d.tensor}: the wrong tensor",
    Mistake.SLOPE_IS_TENSOR: lambda d: (
        f"the slope is {d.tensor} itself: the function stands for its derivative"
    ),
    Mistake.SLOPE_WRONG: _slope_wrong,
    Mistake.MASK_MISPLACED: lambda d: (
        f"a mask of the wrong tensor: {_share(d)} are on the wrong side"
    ),
    Mistake.MASK_VALUES: _mask_values,
    Mistake.ROWS_MISALIGNED: "input and cotangent are of different examples: rows shifted by one",
    Mistake.ONLY_ONE_OF_SUM: _only_one,
    Mistake.ONE_MISSING_FROM_SUM: lambda d: f"{d.unit} {d.index[0]} is missing from the sum",
    Mistake.ONE_TWICE_IN_SUM: lambda d: f"{d.unit} {d.index[0]} is counted twice",
    Mistake.DUPLICATES_OVERWRITTEN: "duplicate indices are not accumulated: "
    "only the last example counts",
    Mistake.DUPLICATES_AVERAGED: "duplicate indices are averaged, not added",
    Mistake.OTHER_TARGET: "the target of another row: shifted by one example",
    Mistake.OTHER_LOSS: lambda d: (
        f"× {shown(d.factor)} the output minus the target: the gradient of another loss"
    ),
    Mistake.DERIVATIVE_ON_TOP: lambda d: f"{d.tensor} on top of a loss that holds it already",
    Mistake.LINK_FORGOTTEN: lambda d: (
        f"the output itself stands for its {d.tensor}, which is forgotten"
    ),
    Mistake.WEIGHTS_LEFT_OUT: "the weights of the examples are left out",
    Mistake.WEIGHTS_TWICE: "the weights of the examples are applied twice",
    Mistake.CONSTANT_STATISTICS: "terms are missing, both means: "
    "the statistics are taken as constants",
    Mistake.RUNNING_STATISTICS: "the running statistics stand for the batch's, "
    "and are taken as constants",
    Mistake.UNBIASED_VARIANCE: lambda d: (
        f"{d.tensor} is × n / (n − 1): the unbiased for the biased variance"
    ),
    Mistake.VARIANCE_FOR_DEVIATION: "1 / (σ² + ε) for 1 / √(σ² + ε): "
    "the variance for the deviation",
    Mistake.SCALE_OUTSIDE: "the scale stands outside of the means: it belongs to g inside them",
    Mistake.TERM_FACTORS: lambda d: (
        "the three terms (direct, mean, along x̂) are "
        + ", ".join(f"× {shown(value)}" for value in d.values)
    ),
    Mistake.PROJECTION: _projection,
    Mistake.JACOBIAN_DIAGONAL: "only the diagonal of the Jacobian: "
    "the terms between outputs are missing",
    Mistake.INNER_SUM: "the error of each row is a multiple of y: "
    "the sum Σ dy y is wrong or missing",
}
