"""P2: a perceptron; and a softmax classifier that prints a C-th of the loss that it descends."""

from __future__ import annotations

import numpy as np

from experiments.published import softmax_prediction
from experiments.published.network import Array, Params, Program, backward, forward

SCALE, RATE, EPOCHS = 0.01, 0.01, 1_000


def softmax(z: Array) -> Array:
    """As printed. One shift for the whole batch: 745 below it, a row is 0 / 0."""
    powers = np.exp(z - z.max())
    probabilities: Array = powers / powers.sum(1, keepdims=True)
    return probabilities


def loss(params: Params, x: Array, y: Array) -> float:
    """As printed. The mean is over rows and classes, and there are C classes to a row."""
    a = softmax(forward(params, x)[-1])
    return float(-np.mean(y * np.log(a + 1e-8)))


def gradient(params: Params, x: Array, y: Array) -> Params:
    """As printed: (a − y) / B, which is the gradient of the mean over rows alone."""
    layers = forward(params, x)
    return backward(params, layers, (softmax(layers[-1]) - y) / len(y))


PUBLISHED = Program(loss, gradient)
CORRECTED = softmax_prediction.COMPLETED
"""rows shifted by their own maximum, the mean over rows, no 1e-8"""


def perceptron_init(inputs: int, draw: np.random.Generator) -> tuple[Array, float]:
    """Weights N(0, 1) and a bias of 0."""
    return draw.standard_normal(inputs), 0.0


def fires(weight: Array, bias: float, x: Array) -> Array:
    """1 where the weighted sum reaches 0."""
    return (x @ weight + bias >= 0).astype(float)


def learn(
    weight: Array, bias: float, x: Array, y: Array, rate: float = RATE, epochs: int = EPOCHS
) -> tuple[Array, float, list[int]]:
    """Rosenblatt's rule, an example at a time; weight, bias, and the mistakes of each epoch.

    The rule is ours: the description has none for the perceptron.
    """
    mistakes = []
    for _ in range(epochs):
        wrong = 0
        for row, target in zip(x, y, strict=True):
            error = target - fires(weight, bias, row)
            weight, bias = weight + rate * error * row, bias + rate * error
            wrong += int(error != 0)
        mistakes.append(wrong)
    return weight, bias, mistakes
