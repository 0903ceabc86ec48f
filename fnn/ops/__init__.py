"""Value and derivative of what several layers and losses need, each once."""

from fnn.ops.abs import absolute, sign
from fnn.ops.product import nonzero, weighted
from fnn.ops.softmax import (
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
)
from fnn.ops.standardize import (
    affine,
    affine_gradients,
    moments,
    remove_moments,
    remove_square,
    standardize,
)

__all__ = [
    "absolute",
    "affine",
    "affine_gradients",
    "log_softmax",
    "log_softmax_backward",
    "moments",
    "nonzero",
    "remove_moments",
    "remove_square",
    "sign",
    "softmax",
    "softmax_backward",
    "standardize",
    "weighted",
]
