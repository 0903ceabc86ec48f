"""Each program's printed loss and gradient through `fnn.audit_gradient`, and what that shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import fnn
from experiments.published import (
    binary_classifier,
    softmax_classifier,
    softmax_prediction,
    xor_cross_entropy,
    xor_squared_error,
)
from experiments.published.network import Array, Params, Program, descend, init
from experiments.xor import TARGET, X
from fnn.audit import Audit, audit_gradient

Point = tuple[Params, Array, Array]
"""parameters, inputs and targets"""
XOR = np.asarray(X, np.float64), np.asarray(TARGET, np.float64)[:, None]


class Case(NamedTuple):
    """A program, the point where it is audited, and what the verdicts mean."""

    title: str
    program: Program
    point: Point
    words: str

    def audit(self) -> Audit:
        """In float64. Raises `FnnError` for gradients in other shapes, and for a loss of NaN."""
        with np.errstate(all="ignore"):
            return audit_gradient(*self.program, *self.point)


def main() -> None:
    """Print P0's first step, every audit, and the finding beside it."""
    print("P0 as printed, its first step:")
    print("\n".join(f"    {line}" for line in first_step()))
    for case in cases():
        print(f"\n== {case.title}")
        try:
            print(case.audit())
        except fnn.FnnError as error:
            print(f"refused: {error}")
        print(f"-> {case.words}")


def cases() -> list[Case]:
    """All programs, as published and mended, fault by fault."""
    return [*of_p0(), of_p1(), *of_p2(), *of_p3(), *of_p4()]


def first_step() -> list[str]:
    """What the first backward pass of P0 does to the weights, last layer first."""
    params, x, y = start_of_p0(binary_classifier.SIZES)
    lines: list[str] = []
    for i, grads in binary_classifier.backward(params, x, y, binary_classifier.FAULTS):
        weight, gradient = params[i]["weight"], grads["weight"]
        place = f"layer {i}: gradient {gradient.shape} of the weight {weight.shape}"
        try:
            weight = weight - binary_classifier.RATE * gradient
        except ValueError as error:
            return [*lines, f"{place}: {error}"]
        lines.append(f"{place}: silently broadcast, the new weight is {weight.shape}")
    return lines


def start_of_p0(sizes: tuple[int, ...]) -> Point:
    """P0's own parameters, in layers of those sizes, and its first batch."""
    draw = np.random.default_rng(0)
    _, x, y = binary_classifier.start(draw)
    return (
        init(sizes, binary_classifier.SCALE, draw),
        x[: binary_classifier.BATCH],
        y[: binary_classifier.BATCH],
    )


def of_p0() -> list[Case]:
    """P0 with both faults, with either, with none."""
    own, even = start_of_p0(binary_classifier.SIZES), start_of_p0((10, 8, 8, 1))
    sure = init(binary_classifier.SIZES, None, np.random.default_rng(0)), 3 * own[1], own[2]
    derivative = binary_classifier.with_faults(binary_classifier.DERIVATIVE)
    share = times(derivative.gradient(*own), binary_classifier.CORRECTED.gradient(*own))
    return [
        Case(
            "P0 as printed, 10-16-8-1",
            binary_classifier.PUBLISHED,
            own,
            "gradients without the shapes of their weights",
        ),
        Case(
            "P0 as printed, 10-8-8-1, as NumPy broadcasts it",
            binary_classifier.broadcast(binary_classifier.PUBLISHED),
            even,
            "with hidden layers of one width nothing ever complains, and all leaves are wrong",
        ),
        Case(
            "P0, sigmoid's derivative mended, 10-8-8-1",
            binary_classifier.broadcast(
                binary_classifier.with_faults(binary_classifier.OWN_OUTPUT)
            ),
            even,
            "a layer's own output in place of its input: weights of layers 1 and 2, and only they",
        ),
        Case(
            "P0, input mended",
            derivative,
            own,
            f"the error times a(1 − a) once more: {share:.4f} of the right gradient, everywhere, "
            "while all outputs are near 0.5",
        ),
        Case(
            "P0, both mended, with weights that give surer answers",
            binary_classifier.MENDED,
            sure,
            "right but for the 1e-8 inside the printed logs, of which the gradient knows nothing",
        ),
        Case(
            "P0 corrected",
            binary_classifier.CORRECTED,
            own,
            "the loss comes from the logits, without 1e-8",
        ),
        Case(
            "P0 corrected, with those weights",
            binary_classifier.CORRECTED,
            sure,
            "and so it is right anywhere",
        ),
    ]


def of_p1() -> Case:
    """P1 with the loss and the gradient that we add."""
    draw = np.random.default_rng(1)
    x, y = draw.random((10, 64)), np.eye(10)
    point = init((64, 16, 10), softmax_prediction.SCALE, draw), x, y
    return Case(
        "P1 completed", softmax_prediction.COMPLETED, point, "only its forward pass is printed"
    )


def of_p2() -> list[Case]:
    """P2 on three classes, plainly and with one row far from the others."""
    draw = np.random.default_rng(2)
    x, y = draw.standard_normal((12, 4)), np.eye(3)[np.arange(12) % 3]
    point = init((4, 6, 3), None, draw), x, y
    far = point[0], np.concatenate([2_000 * x[:1], x[1:]]), y
    factor = softmax_classifier.CORRECTED.loss(*point) / softmax_classifier.PUBLISHED.loss(*point)
    return [
        Case(
            "P2 as printed",
            softmax_classifier.PUBLISHED,
            point,
            f"the loss that is descended is {factor:.4f} times the printed one, which is a mean "
            "over the 3 classes too",
        ),
        Case(
            "P2 corrected",
            softmax_classifier.CORRECTED,
            point,
            "the mean is over rows alone, as the gradient's",
        ),
        Case(
            "P2 as printed, one row 2,000 times larger",
            softmax_classifier.PUBLISHED,
            far,
            "shifted by that row's maximum, all powers of the other rows underflow: 0 / 0",
        ),
        Case(
            "P2 corrected, one row 2,000 times larger",
            softmax_classifier.CORRECTED,
            far,
            "each row is shifted by its own maximum",
        ),
    ]


def of_p3() -> list[Case]:
    """P3 where it starts, and some steps later."""
    start = init(xor_cross_entropy.SIZES, xor_cross_entropy.SCALE, np.random.default_rng(1))
    later, _ = descend(xor_cross_entropy.PUBLISHED, start, *XOR, xor_cross_entropy.RATE, 100)
    return [
        Case(
            "P3 at its start",
            xor_cross_entropy.PUBLISHED,
            (start, *XOR),
            "right: the row (0, 0) meets biases of 0, so that ReLU stands on its corner, where 0 "
            "is a valid slope",
        ),
        Case("P3 after 100 steps", xor_cross_entropy.PUBLISHED, (later, *XOR), "right"),
    ]


def of_p4() -> list[Case]:
    """P4 early and in the end, and there mended in one way and in the other."""
    start = init(xor_squared_error.SIZES, xor_squared_error.SCALE, np.random.default_rng(1))
    begun, _ = descend(xor_squared_error.PUBLISHED, start, *XOR, xor_squared_error.RATE, 1_000)
    end, _ = descend(
        xor_squared_error.PUBLISHED,
        begun,
        *XOR,
        xor_squared_error.RATE,
        xor_squared_error.STEPS - 1_000,
    )
    early, late = (
        times(
            xor_squared_error.PUBLISHED.gradient(params, *XOR),
            xor_squared_error.DESCENDING.gradient(params, *XOR),
        )
        for params in (begun, end)
    )
    return [
        Case(
            "P4 as printed, after 1,000 steps",
            xor_squared_error.PUBLISHED,
            (begun, *XOR),
            f"{early:.4f} times the gradient of the printed loss, in every leaf: 1 / 2a(1 − a), "
            "while all outputs are near 0.5",
        ),
        Case(
            f"P4 as printed, after all {xor_squared_error.STEPS:,} steps",
            xor_squared_error.PUBLISHED,
            (end, *XOR),
            f"now {late:.2f} times, and with each row its own factor: squared error is printed, "
            "cross-entropy is descended",
        ),
        Case(
            "P4 corrected", xor_squared_error.CORRECTED, (end, *XOR), "the cross-entropy is printed"
        ),
        Case(
            "P4 descending what it prints",
            xor_squared_error.DESCENDING,
            (end, *XOR),
            "right too, but XOR is solved less often: see below",
        ),
    ]


def times(claimed: Params, right: Params) -> float:
    """The factor that takes the right gradient nearest to the claimed one."""
    pairs = [
        (result[name], layer[name])
        for result, layer in zip(claimed, right, strict=True)
        for name in layer
    ]
    return float(sum((a * b).sum() for a, b in pairs) / sum((b * b).sum() for _, b in pairs))
