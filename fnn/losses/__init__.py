"""Losses: a value for each example and its gradient by hand; penalties on weights."""

from fnn.losses.absolute_error import AbsoluteError
from fnn.losses.binary_cross_entropy import BinaryCrossEntropy, ProbabilityBinaryCrossEntropy
from fnn.losses.cross_entropy import CrossEntropy, ProbabilityCrossEntropy
from fnn.losses.huber import Huber
from fnn.losses.loss import Loss, LossExample
from fnn.losses.penalties import L1, L2, Penalty
from fnn.losses.squared_error import SquaredError

__all__ = [
    "L1",
    "L2",
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "Loss",
    "LossExample",
    "Penalty",
    "ProbabilityBinaryCrossEntropy",
    "ProbabilityCrossEntropy",
    "SquaredError",
]
