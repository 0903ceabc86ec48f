"""Keras 3 on JAX: `compile`, `fit`, `evaluate`, `predict_on_batch`.

Batches of all rows are given as rows repeated, in one epoch, for an epoch of `fit` costs more than
a step.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # read as it is imported

import keras
import numpy as np

from experiments.peers.training.workloads import Float, Params, Rows, Workload


class Keras:
    """`steps_per_execution` is 1 by default."""

    steps = 1

    def __init__(self, work: Workload) -> None:
        self.work = work
        (self.x, self.y), self.test = self._arrays(work.train()), self._arrays(work.test())
        layers: list[Any] = [keras.Input((work.sizes[0],))]
        for units in work.sizes[1:-1]:
            layers.append(keras.layers.Dense(units, activation=work.activation))
            if work.dropout is not None:
                layers.append(keras.layers.Dropout(work.dropout))
        self.model = keras.Sequential([*layers, keras.layers.Dense(work.sizes[-1])])
        losses = keras.losses
        kind = (
            losses.BinaryCrossentropy
            if work.sizes[-1] == 1
            else losses.SparseCategoricalCrossentropy
        )
        maker = keras.optimizers.Adam if work.optimizer == "adam" else keras.optimizers.SGD
        self.model.compile(maker(work.rate), kind(from_logits=True), steps_per_execution=self.steps)

    def load(self, params: Params) -> None:
        self.model.set_weights([leaf for pair in params for leaf in pair])

    def params(self) -> Params:
        leaves = self.model.get_weights()
        return list(zip(leaves[::2], leaves[1::2], strict=True))

    def train(self, epochs: int) -> float:
        if self.work.whole:
            x, y = np.concatenate([self.x] * epochs), np.concatenate([self.y] * epochs)
            reported = self.model.fit(x, y, batch_size=len(self.x), shuffle=False, verbose=0)
        else:
            reported = self.model.fit(
                self.x, self.y, batch_size=self.work.batch, epochs=epochs, verbose=0
            )
        return float(reported.history["loss"][-1])

    def evaluate(self) -> float:
        x, y = self.test
        return float(self.model.evaluate(x, y, batch_size=len(x), verbose=0))

    def predict(self, x: Float) -> Float:
        result: Float = self.model.predict_on_batch(x)
        return result

    def _arrays(self, rows: Rows) -> tuple[Float, np.ndarray]:
        target = rows.target
        return rows.x, target.astype(np.float32)[:, None] if self.work.sizes[-1] == 1 else target


class ManySteps(Keras):
    """Steps without callbacks between them; on JAX they are not one program."""

    steps = 128
