"""What is known of layers, losses and weights: one file a family, registered by its class."""

from fnn.audit.diagnose.families import (
    elementwise,
    embedding,
    ensemble,
    losses,
    matrix,
    normalization,
    objective,
    softmax,
    sums,
)

__all__ = [
    "elementwise",
    "embedding",
    "ensemble",
    "losses",
    "matrix",
    "normalization",
    "objective",
    "softmax",
    "sums",
]
