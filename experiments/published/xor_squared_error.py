"""P4: XOR by 2-4-1, ReLU, sigmoid. It prints the squared error and descends the cross-entropy."""

from __future__ import annotations

import numpy as np

from experiments.published import xor_cross_entropy
from experiments.published.network import Array, Params, Program, backward, forward, sigmoid

SIZES, SCALE, RATE, STEPS = (2, 4, 1), 0.01, 0.01, 10_000


def loss(params: Params, x: Array, y: Array) -> float:
    """As printed: mean squared error."""
    return float(np.mean((sigmoid(forward(params, x)[-1]) - y) ** 2))


def squared_error_gradient(params: Params, x: Array, y: Array) -> Params:
    """The gradient of the printed loss: 2 (a − y) a (1 − a) / B, through the layers."""
    layers = forward(params, x)
    a = sigmoid(layers[-1])
    return backward(params, layers, 2 * (a - y) * a * (1 - a) / len(y))


PUBLISHED = Program(
    loss, xor_cross_entropy.gradient
)  # that of the cross-entropy, which is nowhere printed
CORRECTED = xor_cross_entropy.PUBLISHED
"""the loss that is descended, printed"""
DESCENDING = Program(loss, squared_error_gradient)
"""the loss that is printed, descended"""
