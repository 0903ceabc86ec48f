"""fnn: its engine taken on by a turn's epochs at a time, and whole calls of `fnn.fit`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.peers.training.workloads import Float, Params, Rows, Workload
from fnn.losses import BinaryCrossEntropy, CrossEntropy
from fnn.optimizers import SGD, Adam
from fnn.training.host.in_memory import CAPACITY, InMemorySource

fnn.xla.configure()  # as the command line does; each contestant has a process of its own
evaluate = jax.jit(fnn.evaluate, static_argnames="names")


class Engine:
    """What drives `fnn.fit`, without its looks at the clock.

    Another network of the same shapes may stand in for the work's; `validated` measures the test
    rows after each epoch, and `options` are those of the `fnn.Run`.
    """

    def __init__(
        self, work: Workload, net: fnn.Layer | None = None, validated: bool = False, **options: Any
    ) -> None:
        net = net or fnn.mlp(
            work.sizes[1:-1], work.sizes[-1], activation=work.activation, dropout=work.dropout
        )
        loss = BinaryCrossEntropy() if work.sizes[-1] == 1 else CrossEntropy()
        optimizer = Adam(work.rate) if work.optimizer == "adam" else SGD(work.rate)
        size: Any = "full" if work.whole else work.batch
        self.run = fnn.numbers(fnn.Run(fnn.Objective(net, loss), optimizer, size, **options))
        self.rows, self.test = _batch(work.train()), _batch(work.test())
        self.source = InMemorySource(self.run, self.rows, self.test if validated else None, None)
        self.in_shape = fnn.shape(work.sizes[0])
        self.state = fnn.init_state(self.run, self.in_shape, seed=0, order_seed=0)
        self.step = 0
        self.model: fnn.model.Model | None = None

    def load(self, params: Params) -> None:
        pairs = iter(params)
        layers = []
        for layer in self.state.params["layers"]:
            weight, bias = next(pairs) if layer else (None, None)
            layers.append(
                {"weight": jnp.asarray(weight), "bias": jnp.asarray(bias)} if layer else layer
            )
        loaded = {"layers": type(self.state.params["layers"])(layers)}
        fresh = self.run.optimizer.transformation().init(loaded)
        self.state = self.state._replace(params=loaded, optimizer_state=fresh)

    def params(self) -> Params:
        layers = self.state.params["layers"]
        return [(np.asarray(one["weight"]), np.asarray(one["bias"])) for one in layers if one]

    def train(self, epochs: int) -> float:
        stop = self.step + epochs * self.source.plan.steps
        while self.step < stop:
            start, self.step = self.step, min(self.step + CAPACITY * self.source.plan.steps, stop)
            self.state, metrics = self.source.advance(self.state, start, self.step)
        return float(metrics.loss[-1])

    def evaluate(self) -> float:
        result = evaluate(
            self.run.objective, self.state.params, self.state.state, self.test, names=("loss",)
        )
        return float(result["loss"])

    def predict(self, x: Float) -> Float:
        if self.model is None or self.model.params is not self.state.params:
            self.model = fnn.model.Model(
                self.run.objective, self.state.params, self.state.state, self.in_shape
            )
        return self.model.output(x)


class WholeCalls(Engine):
    """`fnn.fit(…)` from its start to its end, anew each time."""

    def train(self, epochs: int) -> float:
        built = fnn.fit(self.run, self.rows, epochs=epochs)
        self.state = built.run_state
        return float(built.history["loss"][-1])


def _batch(rows: Rows) -> fnn.Batch:
    return fnn.Batch(jnp.asarray(rows.x), jnp.asarray(rows.target))
