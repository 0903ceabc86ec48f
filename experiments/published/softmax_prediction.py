"""P1: a softmax classifier of any sizes, of which only the forward pass is printed.

The loss and the gradient are ours.
"""

from __future__ import annotations

import numpy as np

from experiments.published.network import Array, Params, Program, backward, forward

SCALE = 0.01


def softmax(z: Array) -> Array:
    """Shifted by each row's own maximum: safe for any logits."""
    powers = np.exp(z - z.max(1, keepdims=True))
    probabilities: Array = powers / powers.sum(1, keepdims=True)
    return probabilities


def predict(params: Params, x: Array) -> Array:
    """As printed: a row of probabilities an example."""
    return softmax(forward(params, x)[-1])


def loss(params: Params, x: Array, y: Array) -> float:
    """Ours: cross-entropy of the one-hot y (B, C), −Σ y log softmax(z), as a mean over rows."""
    z = forward(params, x)[-1]
    shifted = z - z.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return float(-(y * logs).sum(1).mean())


def gradient(params: Params, x: Array, y: Array) -> Params:
    """Ours: (softmax(z) − y) / B, through the layers."""
    layers = forward(params, x)
    return backward(params, layers, (softmax(layers[-1]) - y) / len(y))


COMPLETED = Program(loss, gradient)
