"""P3: XOR by 2-4-1, ReLU, sigmoid, binary cross-entropy. Its gradient is right."""

from __future__ import annotations

import numpy as np

from experiments.published.network import Array, Params, Program, backward, forward, sigmoid

SIZES, SCALE, RATE, STEPS = (2, 4, 1), 0.1, 1.0, 2_000


def loss(params: Params, x: Array, y: Array) -> float:
    """As printed: mean binary cross-entropy."""
    a = sigmoid(forward(params, x)[-1])
    return float(-np.mean(y * np.log(a) + (1 - y) * np.log(1 - a)))


def gradient(params: Params, x: Array, y: Array) -> Params:
    """As printed: (a − y) / B, through the layers."""
    layers = forward(params, x)
    return backward(params, layers, (sigmoid(layers[-1]) - y) / len(y))


PUBLISHED = Program(loss, gradient)
