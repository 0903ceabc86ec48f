"""NumPy by hand: forward, backward and Adam, with all parameters in one vector for its update."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.peers.training.workloads import Float, Params, Workload

DECAY, SQUARED_DECAY, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


class ByHand:
    """The layers are views of the vectors of parameters and gradients."""

    def __init__(self, work: Workload) -> None:
        assert work.dropout is None or work.activation == "relu", "tanh' needs what dropout hides"
        self.work, self.rows, self.test = work, work.train(), work.test()
        self.draw = np.random.default_rng(0)
        count = sum((i + 1) * o for i, o in zip(work.sizes, work.sizes[1:], strict=False))
        self.vector, self.gradient = np.zeros((2, count), np.float32)
        self.mean, self.square = np.zeros((2, count), np.float32)
        self.layers, self.grads = self._views(self.vector), self._views(self.gradient)
        self.number = 0
        self.load(work.params())

    def load(self, params: Params) -> None:
        for own, given in zip(self.layers, params, strict=True):
            own[0][:], own[1][:] = given

    def params(self) -> Params:
        return [(weight.copy(), bias.copy()) for weight, bias in self.layers]

    def train(self, epochs: int) -> float:
        (x, target), size = self.rows, self.work.batch
        for _ in range(epochs):
            if self.work.whole:
                losses = [self._step(x, target)]
                continue
            order = self.draw.permutation(len(x))
            batches = (order[first : first + size] for first in range(0, len(x), size))
            losses = [self._step(x[batch], target[batch]) for batch in batches]
        return float(np.mean(losses))

    def evaluate(self) -> float:
        return float(self._loss(self.predict(self.test.x), self.test.target)[0])

    def predict(self, x: Float) -> Float:
        return self._forward(x)[-1]

    def _views(self, vector: Float) -> Params:
        result, start = [], 0
        for inputs, outputs in zip(self.work.sizes, self.work.sizes[1:], strict=False):
            middle, stop = start + inputs * outputs, start + (inputs + 1) * outputs
            result.append((vector[start:middle].reshape(inputs, outputs), vector[middle:stop]))
            start = stop
        return result

    def _forward(self, x: Float, masks: list[Float] | None = None) -> list[Float]:
        """What each layer is given, and the logits."""
        values = [x]
        for weight, bias in self.layers[:-1]:
            z = values[-1] @ weight
            z += bias
            if self.work.activation == "relu":
                np.maximum(z, 0, out=z)
            else:
                np.tanh(z, out=z)
            if masks is not None and self.work.dropout is not None:
                keep = np.float32(1 - self.work.dropout)
                kept = self.draw.random(z.shape, np.float32) < keep
                masks.append(np.multiply(kept, 1 / keep, dtype=np.float32))
                z *= masks[-1]
            values.append(z)
        weight, bias = self.layers[-1]
        return [*values, values[-1] @ weight + bias]

    def _loss(self, logits: Float, target: np.ndarray) -> tuple[np.floating, Float]:
        """The mean loss, and its gradient with respect to the logits."""
        if logits.shape[1] == 1:
            z: Any = logits[:, 0]
            answer = target.astype(np.float32)
            loss = (np.maximum(z, 0) - z * answer + np.log1p(np.exp(-np.abs(z)))).mean()
            return loss, ((1 / (1 + np.exp(-z)) - answer) / np.float32(len(z)))[:, None]
        rows = np.arange(len(target))
        shifted = logits - logits.max(1, keepdims=True)
        exponents = np.exp(shifted)
        sums = exponents.sum(1, keepdims=True)
        loss = (np.log(sums[:, 0]) - shifted[rows, target]).mean()
        dz = exponents / sums
        dz[rows, target] -= 1
        dz /= np.float32(len(target))
        return loss, dz

    def _step(self, x: Float, target: np.ndarray) -> np.floating:
        masks: list[Float] = []
        *values, logits = self._forward(x, masks)
        loss, dz = self._loss(logits, target)
        for number in reversed(range(len(self.layers))):
            weight_gradient, bias_gradient = self.grads[number]
            np.matmul(values[number].T, dz, out=weight_gradient)
            dz.sum(0, out=bias_gradient)
            if number:
                dz = dz @ self.layers[number][0].T
                if masks:
                    dz *= masks[number - 1]
                value = values[number]
                dz *= value > 0 if self.work.activation == "relu" else 1 - value * value
        self._update()
        return loss

    def _update(self) -> None:
        gradient, rate = self.gradient, np.float32(self.work.rate)
        if self.work.optimizer == "sgd":
            self.vector -= rate * gradient
            return
        self.number += 1
        self.mean *= DECAY
        self.mean += (1 - DECAY) * gradient
        self.square *= SQUARED_DECAY
        gradient *= gradient
        gradient *= 1 - SQUARED_DECAY
        self.square += gradient
        root = np.sqrt(self.square)
        root *= np.float32(1 / np.sqrt(1 - float(SQUARED_DECAY) ** self.number))
        root += EPSILON
        np.divide(self.mean, root, out=root)
        root *= rate / np.float32(1 - float(DECAY) ** self.number)
        self.vector -= root
