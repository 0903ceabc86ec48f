"""The floor: nothing but the matrix products of a step, by NumPy's BLAS.

Forward x W, backward xᵀ dy and (but for the first layer) dy Wᵀ, into arrays that are there already,
on rows as they lie: no shuffle, no bias, no activation, no loss, no update.
"""

from __future__ import annotations

import numpy as np

from experiments.peers.training.workloads import Float, Params, Workload


class Floor:
    """It learns nothing."""

    def __init__(self, work: Workload) -> None:
        self.work, self.rows, self.test = work, work.train(), work.test()
        self.load(work.params())

    def load(self, params: Params) -> None:
        self.weights = [weight for weight, _ in params]
        self.grads = [np.empty_like(weight) for weight in self.weights]

    def params(self) -> Params:
        return [(weight, np.zeros(weight.shape[1], np.float32)) for weight in self.weights]

    def train(self, epochs: int) -> float:
        x, size = self.rows.x, min(self.work.batch, len(self.rows.x))
        values = [np.empty((size, width), np.float32) for width in self.work.sizes[1:]]
        slopes = [np.ones((size, width), np.float32) for width in self.work.sizes]
        for _ in range(epochs):
            for first in range(0, len(x), size):
                self._step(x[first : first + size], values, slopes)
        return float("nan")

    def evaluate(self) -> float:
        self.predict(self.test.x)
        return float("nan")

    def predict(self, x: Float) -> Float:
        for weight in self.weights:
            x = x @ weight
        return x

    def _step(self, x: Float, values: list[Float], slopes: list[Float]) -> None:
        count, inputs = len(x), [x]
        for weight, value in zip(self.weights, values, strict=True):
            inputs.append(np.matmul(inputs[-1], weight, out=value[:count]))
        for number in reversed(range(len(self.weights))):
            dy = slopes[number + 1][:count]
            np.matmul(inputs[number].T, dy, out=self.grads[number])
            if number:
                np.matmul(dy, self.weights[number].T, out=slopes[number][:count])
