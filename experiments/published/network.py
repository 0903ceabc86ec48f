"""What the published programs share: dense layers with ReLU between them, in plain NumPy.

Parameters are a list of layers, each {weight (I, O), bias (O,)}. Nothing here is at fault; what a
program gets wrong stands in its own file.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Params = list[dict[str, Array]]


class Program(NamedTuple):
    """The loss that a program prints, and the gradient that it descends."""

    loss: Callable[[Params, Array, Array], float]
    gradient: Callable[[Params, Array, Array], Params]


def init(sizes: Sequence[int], scale: float | None, draw: np.random.Generator) -> Params:
    """Weights scale · N(0, 1), biases 0; None is He's √(2 / I)."""
    return [
        {
            "weight": (np.sqrt(2 / i) if scale is None else scale) * draw.standard_normal((i, o)),
            "bias": np.zeros(o),
        }
        for i, o in itertools.pairwise(sizes)
    ]


def forward(params: Params, x: Array) -> list[Array]:
    """The input, what each hidden layer gives, and the logits."""
    layers = [x]
    for layer in params[:-1]:
        layers.append(np.maximum(layers[-1] @ layer["weight"] + layer["bias"], 0))
    return [*layers, layers[-1] @ params[-1]["weight"] + params[-1]["bias"]]


def backward(params: Params, layers: list[Array], error: Array) -> Params:
    """The gradient, from the error at the logits (B, O)."""
    grads = []
    for layer, inputs in zip(reversed(params), reversed(layers[:-1]), strict=True):
        grads.append({"weight": inputs.T @ error, "bias": error.sum(0)})
        error = error @ layer["weight"].T * (inputs > 0)
    return grads[::-1]


def sigmoid(z: Array) -> Array:
    """1 / (1 + e⁻ᶻ), with z clipped to ±500."""
    clipped: Array = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
    return clipped


def logistic_loss(params: Params, x: Array, y: Array) -> float:
    """Binary cross-entropy of the logits, softplus(z) − y z, as a mean."""
    z = forward(params, x)[-1]
    return float((np.logaddexp(0, z) - y * z).mean())


def descend(
    program: Program, params: Params, x: Array, y: Array, rate: float, steps: int
) -> tuple[Params, Array]:
    """Full-batch gradient descent: the parameters in the end, and the loss before each step."""
    losses = np.empty(steps)
    for step in range(steps):
        losses[step] = program.loss(params, x, y)
        grads = program.gradient(params, x, y)
        params = [
            {name: leaf - rate * result[name] for name, leaf in layer.items()}
            for layer, result in zip(params, grads, strict=True)
        ]
    return params, losses
