"""Which metrics there are, and which of them fit a loss."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fnn.losses import Loss
from fnn.spec import SpecError, choice

CALIBRATION = ("ece", "brier", "nll")
CLASSIFICATION = ("accuracy", "precision", "recall", "f1", "auc", *CALIBRATION)
REGRESSION = ("mse", "mae", "r2")
LOWER = ("loss", "mse", "mae", *CALIBRATION)


def default_metrics(loss: Loss) -> tuple[str, ...]:
    """What is measured by default for the loss's task; without a task, the loss alone."""
    if loss.task is None:
        return ("loss",)
    return ("loss", *REGRESSION) if loss.task == "regression" else ("loss", "accuracy")


def higher_is_better(name: str) -> bool:
    """False for losses and errors: those of `LOWER`. Raises `SpecError` for an unknown name."""
    _check_name(name)
    return name not in LOWER


def top_of(name: str) -> int | None:
    """The k of `top_<k>`; None for any other name."""
    match = re.fullmatch(r"top_([1-9][0-9]*)", name)
    return int(match[1]) if match else None


def check_metrics(names: Sequence[str], loss: Loss, outputs: int | None = None) -> None:
    """Raises `SpecError` for names that are unknown or that do not apply to such a loss.

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
    known = ("loss", *CLASSIFICATION, *REGRESSION)
    if name not in known and top_of(name) is None:
        nearest = choice(name, (*known, "top_3", "top_5"))
        raise SpecError(f"unknown metric {name!r}{nearest}")


def _check_fit(name: str, loss: Loss) -> None:
    if name == "loss":
        return
    kind = type(loss).__name__
    if loss.task is None:
        raise SpecError(f"of {kind} only 'loss' is known, not {name!r}: its class has no `task`")
    if loss.task == "regression":
        if name not in REGRESSION:
            raise SpecError(f"{name} is for classes, {kind} is for numbers")
    elif name in REGRESSION:
        raise SpecError(f"{name} is for numbers, {kind} is for classes")
    elif top_of(name) is not None and loss.task == "binary":
        raise SpecError(f"{name} is for one class among many, {kind} is for yes or no")
