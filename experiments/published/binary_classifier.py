"""P0: 10-16-8-1, ReLU, sigmoid, binary cross-entropy. As printed it never gets through a step."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from experiments.published.network import (
    Array,
    Params,
    Program,
    forward,
    init,
    logistic_loss,
    sigmoid,
)

SIZES, SCALE, RATE, BATCH, EPOCHS = (10, 16, 8, 1), 0.01, 0.01, 16, 100
DERIVATIVE, OWN_OUTPUT = "the sigmoid's derivative once more", "a layer's own output as its input"
FAULTS = (DERIVATIVE, OWN_OUTPUT)


def start(draw: np.random.Generator) -> tuple[Params, Array, Array]:
    """Its parameters and its data: 100 rows of noise, with labels that mean nothing."""
    x, y = draw.standard_normal((100, SIZES[0])), draw.integers(0, 2, (100, 1)).astype(float)
    return init(SIZES, SCALE, draw), x, y


def loss(params: Params, x: Array, y: Array) -> float:
    """As printed: binary cross-entropy with 1e-8 inside the logs."""
    a = sigmoid(forward(params, x)[-1])
    return float(-np.mean(y * np.log(a + 1e-8) + (1 - y) * np.log(1 - a + 1e-8)))


def backward(
    params: Params, x: Array, y: Array, faults: Collection[str]
) -> Iterator[tuple[int, dict[str, Array]]]:
    """A layer's number and its gradient, from the last layer to the first."""
    layers = forward(params, x)
    a = layers[-1] = sigmoid(layers[-1])
    error = (a - y) / len(y)
    if DERIVATIVE in faults:
        error = error * a * (1 - a)  # this turns it into half the squared error's gradient
    for i in reversed(range(len(params))):
        inputs = layers[i + 1] if OWN_OUTPUT in faults and i > 0 else layers[i]
        passed_on = error @ params[i]["weight"].T * (layers[i] > 0)
        yield i, {"weight": inputs.T @ error, "bias": error.sum(0)}
        error = passed_on


def step(params: Params, x: Array, y: Array, rate: float, faults: Collection[str] = FAULTS) -> None:
    """Each layer is updated in its turn, once its error was passed on (which does no harm)."""
    for i, grads in backward(params, x, y, faults):
        for name, gradient in grads.items():
            # A gradient (1, 1) fits a weight (8, 1): NumPy broadcasts it and says nothing.
            params[i][name] = params[i][name] - rate * gradient


def train(
    params: Params, x: Array, y: Array, rate: float = RATE, faults: Collection[str] = FAULTS
) -> Array:
    """Trains in place, without shuffling or a ragged last batch; the mean loss of each epoch."""
    losses = np.empty((EPOCHS, len(x) // BATCH))
    for epoch in range(EPOCHS):
        for batch in range(len(x) // BATCH):
            rows = slice(batch * BATCH, (batch + 1) * BATCH)
            losses[epoch, batch] = loss(params, x[rows], y[rows])
            step(params, x[rows], y[rows], rate, faults)
    means: Array = losses.mean(1)
    return means


def with_faults(*faults: str) -> Program:
    """The program with those faults, and no others, in its gradient."""

    def gradient(params: Params, x: Array, y: Array) -> Params:
        return [grads for _, grads in backward(params, x, y, faults)][::-1]

    return Program(loss, gradient)


def broadcast(program: Program) -> Program:
    """The gradient in the shapes that NumPy's subtraction makes of it."""

    def gradient(params: Params, x: Array, y: Array) -> Params:
        return [
            {name: np.broadcast_to(grads[name], leaf.shape).copy() for name, leaf in layer.items()}
            for layer, grads in zip(params, program.gradient(params, x, y), strict=True)
        ]

    return Program(program.loss, gradient)


PUBLISHED = with_faults(*FAULTS)
MENDED = with_faults()
"""the gradient is right; the loss still has 1e-8 inside its logs"""
CORRECTED = Program(logistic_loss, MENDED.gradient)
