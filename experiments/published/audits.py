"""Each program's printed loss and gradient through `fnn.audit_gradient`, and what that shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import fnn
from experiments.published import p0, p1, p2, p3, p4
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
    params, x, y = start_of_p0(p0.SIZES)
    told: list[str] = []
    for i, grads in p0.backward(params, x, y, p0.FAULTS):
        weight, gradient = params[i]["weight"], grads["weight"]
        place = f"layer {i}: gradient {gradient.shape} of the weight {weight.shape}"
        try:
            weight = weight - p0.RATE * gradient
        except ValueError as error:
            return [*told, f"{place}: {error}"]
        told.append(f"{place}: silently broadcast, the new weight is {weight.shape}")
    return told


def start_of_p0(sizes: tuple[int, ...]) -> Point:
    """P0's own parameters, in layers of those sizes, and its first batch."""
    draw = np.random.default_rng(0)
    _, x, y = p0.start(draw)
    return init(sizes, p0.SCALE, draw), x[: p0.BATCH], y[: p0.BATCH]


def of_p0() -> list[Case]:
    """P0 with both faults, with either, with none."""
    own, even = start_of_p0(p0.SIZES), start_of_p0((10, 8, 8, 1))
    sure = init(p0.SIZES, None, np.random.default_rng(0)), 3 * own[1], own[2]
    derivative = p0.with_faults(p0.DERIVATIVE)
    share = times(derivative.gradient(*own), p0.CORRECTED.gradient(*own))
    return [
        Case(
            "P0 as printed, 10-16-8-1",
            p0.PUBLISHED,
            own,
            "gradients without the shapes of their weights",
        ),
        Case(
            "P0 as printed, 10-8-8-1, as NumPy broadcasts it",
            p0.broadcast(p0.PUBLISHED),
            even,
            "with hidden layers of one width nothing ever complains, and all leaves are wrong",
        ),
        Case(
            "P0, sigmoid's derivative mended, 10-8-8-1",
            p0.broadcast(p0.with_faults(p0.OWN_OUTPUT)),
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
            p0.MENDED,
            sure,
            "right but for the 1e-8 inside the printed logs, of which the gradient knows nothing",
        ),
        Case("P0 corrected", p0.CORRECTED, own, "the loss comes from the logits, without 1e-8"),
        Case("P0 corrected, with those weights", p0.CORRECTED, sure, "and so it is right anywhere"),
    ]


def of_p1() -> Case:
    """P1 with the loss and the gradient that we add."""
    draw = np.random.default_rng(1)
    x, y = draw.random((10, 64)), np.eye(10)
    point = init((64, 16, 10), p1.SCALE, draw), x, y
    return Case("P1 completed", p1.COMPLETED, point, "only its forward pass is printed")


def of_p2() -> list[Case]:
    """P2 on three classes, plainly and with one row far from the others."""
    draw = np.random.default_rng(2)
    x, y = draw.standard_normal((12, 4)), np.eye(3)[np.arange(12) % 3]
    point = init((4, 6, 3), None, draw), x, y
    far = point[0], np.concatenate([2_000 * x[:1], x[1:]]), y
    factor = p2.CORRECTED.loss(*point) / p2.PUBLISHED.loss(*point)
    return [
        Case(
            "P2 as printed",
            p2.PUBLISHED,
            point,
            f"the loss that is descended is {factor:.4f} times the printed one, which is a mean "
            "over the 3 classes too",
        ),
        Case("P2 corrected", p2.CORRECTED, point, "the mean is over rows alone, as the gradient's"),
        Case(
            "P2 as printed, one row 2,000 times larger",
            p2.PUBLISHED,
            far,
            "shifted by that row's maximum, all powers of the other rows underflow: 0 / 0",
        ),
        Case(
            "P2 corrected, one row 2,000 times larger",
            p2.CORRECTED,
            far,
            "each row is shifted by its own maximum",
        ),
    ]


def of_p3() -> list[Case]:
    """P3 where it starts, and some steps later."""
    start = init(p3.SIZES, p3.SCALE, np.random.default_rng(1))
    later, _ = descend(p3.PUBLISHED, start, *XOR, p3.RATE, 100)
    return [
        Case(
            "P3 at its start",
            p3.PUBLISHED,
            (start, *XOR),
            "right: the row (0, 0) meets biases of 0, so that ReLU stands on its corner, where 0 "
            "is a valid slope",
        ),
        Case("P3 after 100 steps", p3.PUBLISHED, (later, *XOR), "right"),
    ]


def of_p4() -> list[Case]:
    """P4 early and in the end, and there mended in one way and in the other."""
    start = init(p4.SIZES, p4.SCALE, np.random.default_rng(1))
    begun, _ = descend(p4.PUBLISHED, start, *XOR, p4.RATE, 1_000)
    end, _ = descend(p4.PUBLISHED, begun, *XOR, p4.RATE, p4.STEPS - 1_000)
    early, late = (
        times(p4.PUBLISHED.gradient(params, *XOR), p4.DESCENDING.gradient(params, *XOR))
        for params in (begun, end)
    )
    return [
        Case(
            "P4 as printed, after 1,000 steps",
            p4.PUBLISHED,
            (begun, *XOR),
            f"{early:.4f} times the gradient of the printed loss, in every leaf: 1 / 2a(1 − a), "
            "while all outputs are near 0.5",
        ),
        Case(
            f"P4 as printed, after all {p4.STEPS:,} steps",
            p4.PUBLISHED,
            (end, *XOR),
            f"now {late:.2f} times, and with each row its own factor: squared error is printed, "
            "cross-entropy is descended",
        ),
        Case("P4 corrected", p4.CORRECTED, (end, *XOR), "the cross-entropy is printed"),
        Case(
            "P4 descending what it prints",
            p4.DESCENDING,
            (end, *XOR),
            "right too, but XOR is solved less often: see below",
        ),
    ]


def times(claimed: Params, right: Params) -> float:
    """The factor that takes the right gradient nearest to the claimed one."""
    pairs = [
        (found[name], layer[name])
        for found, layer in zip(claimed, right, strict=True)
        for name in layer
    ]
    return float(sum((a * b).sum() for a, b in pairs) / sum((b * b).sum() for _, b in pairs))
