"""What can be covered: every activation, loss and initializer, and targets that fit a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from fnn.activations import ELU, GELU, Elementwise, LeakyReLU
from fnn.initializers import Glorot, He, LeCun, Normal, Orthogonal, Uniform, Zeros
from fnn.layer import Layer
from fnn.layers import Activation, Softmax
from fnn.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
)
from fnn.spec import from_name, kinds

T = TypeVar("T")
Array = Any
"""NumPy's, of float64: JAX rounds to float32 where x64 is off"""


def every(family: type) -> dict[str, Any]:
    """Each kind of a family that `fnn` itself defines, with its defaults, by name.

    A family's room is asked, not the whole table of kinds: users register theirs there too.
    """
    room = ".".join(family.__module__.split(".")[:2])
    result = {
        kind.split(".")[0]
        for kind, cls in kinds().items()
        if issubclass(cls, family) and f"{cls.__module__}.".startswith(f"{room}.")
    }
    return {name: from_name(name, family) for name in sorted(result)}


ACTIVATIONS: dict[str, Elementwise] = {**every(Elementwise), "gelu by tanh": GELU("tanh")}
LOSSES: dict[str, Loss] = {
    **every(Loss),
    "binary_cross_entropy, smoothed": BinaryCrossEntropy(0.1),
    "cross_entropy, smoothed": CrossEntropy(0.1),
}
OTHER_SLOPES = (LeakyReLU(0.3), ELU(0.5))
OTHER_LOSSES = (Huber(0.3),)

WEIGHTS = (
    *(Glorot(), Glorot("normal"), He(), He("uniform"), LeCun(), LeCun("uniform"), Orthogonal()),
    *(Normal(0.5), Uniform(1.0)),
)
SATURATING, STILL = Normal(10.0), Zeros()
BIASES = (Zeros(), Zeros(), None, Normal(0.5), Uniform(0.5), SATURATING)

_CLASSES = (CrossEntropy, ProbabilityCrossEntropy)
_ANSWERS = (BinaryCrossEntropy, ProbabilityBinaryCrossEntropy)


def pick(draw: np.random.Generator, options: Sequence[T]) -> T:
    """One of several, each as likely as the others."""
    return options[int(draw.integers(len(options)))]


def last_layers(loss: Loss) -> tuple[Layer, ...]:
    """What stands between a network's logits and its loss."""
    if isinstance(loss, ProbabilityCrossEntropy):
        return (Softmax(),)
    if isinstance(loss, ProbabilityBinaryCrossEntropy):
        return (Activation("sigmoid"),)
    return ()


def fitting_target(draw: np.random.Generator, loss: Loss, outputs: tuple[int, ...]) -> Array:
    """A target for outputs of that shape: class numbers or rows of shares, answers, or quantities.

    Rows of shares need not sum to one, answers may lie between 0 and 1, quantities may be zero (an
    output of exactly zero is then the corner of an absolute error).
    """
    rows, width = outputs[:-1], outputs[-1]
    if isinstance(loss, _CLASSES):
        classes = draw.integers(0, width, rows)
        shares = draw.uniform(0, 1, outputs)
        return pick(draw, [classes, classes, np.eye(width)[classes], shares])
    if isinstance(loss, _ANSWERS):
        return pick(draw, [draw.integers(0, 2, outputs), draw.uniform(0, 1, outputs)])
    built = draw.normal(size=outputs) * pick(draw, [1, 1, 1, 100, 0])
    return built[..., 0] if width == 1 and draw.integers(2) else built
