"""Which metrics there are, and which of them fit a loss."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fnn.losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
    SquaredError,
)
from fnn.spec import SpecError, choice

CLASSES = (CrossEntropy, ProbabilityCrossEntropy)
"""losses of one class among C"""
ANSWERS = (BinaryCrossEntropy, ProbabilityBinaryCrossEntropy)
"""losses of yes/no answers"""
QUANTITIES = (SquaredError, AbsoluteError, Huber)
"""losses of numbers"""

OF_PROBABILITIES = ("ece", "brier", "nll")
OF_CLASSES = ("accuracy", "precision", "recall", "f1", "auc", *OF_PROBABILITIES)
OF_QUANTITIES = ("mse", "mae", "r2")
LOWER = ("loss", "mse", "mae", *OF_PROBABILITIES)


def default_metrics(loss: Loss) -> tuple[str, ...]:
    """What is measured unless somebody asks for more; of a loss of one's own, the loss alone."""
    if isinstance(loss, CLASSES + ANSWERS):
        return ("loss", "accuracy")
    return ("loss", *OF_QUANTITIES) if isinstance(loss, QUANTITIES) else ("loss",)


def higher_is_better(name: str) -> bool:
    """False for losses and errors: those of `LOWER`. Raises `SpecError` for an unknown name."""
    _check_name(name)
    return name not in LOWER


def top_of(name: str) -> int | None:
    """The k of `top_<k>`; None for any other name."""
    found = re.fullmatch(r"top_([1-9][0-9]*)", name)
    return int(found[1]) if found else None


def check_metrics(names: Sequence[str], loss: Loss, outputs: int | None = None) -> None:
    """Raises `SpecError` for names that are unknown or that say nothing about such a loss.

    `outputs` is how many the network has: the best 5 of 3 classes always hold the right one.
    """
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise SpecError(f"expected names such as ('loss', 'accuracy'), got {names!r}")
    for name in names:
        _check_name(name)
        _check_fit(name, loss)
        k = top_of(name)
        if k is not None and outputs is not None and k >= outputs:
            raise SpecError(f"{name} of {outputs} classes is always 1")


def _check_name(name: str) -> None:
    known = ("loss", *OF_CLASSES, *OF_QUANTITIES)
    if name not in known and top_of(name) is None:
        nearest = choice(name, (*known, "top_3", "top_5"))
        raise SpecError(f"unknown metric {name!r}{nearest}")


def _check_fit(name: str, loss: Loss) -> None:
    if name == "loss":
        return
    kind = type(loss).__name__
    if not isinstance(loss, CLASSES + ANSWERS + QUANTITIES):
        raise SpecError(f"of {kind} only 'loss' is known, not {name!r}")
    if isinstance(loss, QUANTITIES):
        if name not in OF_QUANTITIES:
            raise SpecError(f"{name} is for classes, {kind} is for numbers")
    elif name in OF_QUANTITIES:
        raise SpecError(f"{name} is for numbers, {kind} is for classes")
    elif top_of(name) is not None and isinstance(loss, ANSWERS):
        raise SpecError(f"{name} is for one class among many, {kind} is for yes or no")
