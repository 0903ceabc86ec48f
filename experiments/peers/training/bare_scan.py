"""JAX and Optax without a library: an epoch is one compiled `lax.scan`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.peers.training.workloads import Float, Params, Workload


class BareScan:
    """Written by hand with `jax.grad`; a turn's epochs are a scan too."""

    def __init__(self, work: Workload) -> None:
        rows, test = work.train(), work.test()
        self.rows = jnp.asarray(rows.x), jnp.asarray(rows.target)
        self.test = jnp.asarray(test.x), jnp.asarray(test.target)
        self.work, self.key = work, jax.random.fold_in(jax.random.key(0), 1)
        self.number = 0
        self.optimizer = optax.adam(work.rate) if work.optimizer == "adam" else optax.sgd(work.rate)
        self.load(work.params())
        self._epochs = jax.jit(self._scan, static_argnums=0, donate_argnums=1)
        self._evaluate = jax.jit(self._loss)
        self._predict = jax.jit(self._logits)

    def load(self, params: Params) -> None:
        weights = jax.tree.map(jnp.array, params)
        self.carry = weights, self.optimizer.init(weights)

    def params(self) -> Params:
        return jax.tree.map(np.asarray, self.carry[0])

    def train(self, epochs: int) -> float:
        first, self.number = jnp.int32(self.number), self.number + epochs
        self.carry, loss = self._epochs(epochs, self.carry, first, *self.rows)
        return float(loss)

    def evaluate(self) -> float:
        return float(self._evaluate(self.carry[0], *self.test))

    def predict(self, x: Float) -> Float:
        return np.asarray(self._predict(self.carry[0], x))

    def _logits(self, params: Any, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
        work = self.work
        *hidden, (last, bias) = params
        for number, (weight, shift) in enumerate(hidden):
            x = x @ weight + shift
            x = jax.nn.relu(x) if work.activation == "relu" else jnp.tanh(x)
            if work.dropout is not None and key is not None:
                keep = jax.random.bernoulli(
                    jax.random.fold_in(key, number), 1 - work.dropout, x.shape
                )
                x = jnp.where(keep, x / (1 - work.dropout), 0)
        return x @ last + bias

    def _loss(
        self, params: Any, x: jax.Array, target: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        logits = self._logits(params, x, key)
        if logits.shape[1] == 1:
            labels = target.astype(logits.dtype)
            return optax.sigmoid_binary_cross_entropy(logits[:, 0], labels).mean()
        return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()

    def _scan(
        self, epochs: int, carry: Any, first: jax.Array, x: jax.Array, target: jax.Array
    ) -> Any:
        work = self.work

        def step(carry: Any, drawn: Any) -> Any:
            (params, state), (index, key) = carry, drawn
            batch = (x, target) if work.whole else (x[index], target[index])
            loss, grads = jax.value_and_grad(self._loss)(params, *batch, key)
            updates, state = self.optimizer.update(grads, state, params)
            return (optax.apply_updates(params, updates), state), loss

        def epoch(carry: Any, number: jax.Array) -> Any:
            key = jax.random.fold_in(self.key, number)
            if work.whole:
                return step(carry, (None, key))
            full = work.rows - work.rows % work.batch
            order = jax.random.permutation(key, work.rows)
            keys = jax.random.split(jax.random.fold_in(key, 1), work.steps)
            batches = order[:full].reshape(-1, work.batch)
            carry, losses = jax.lax.scan(step, carry, (batches, keys[: len(batches)]))
            if full < work.rows:
                carry, _ = step(carry, (order[full:], keys[-1]))
            return carry, losses.mean()

        carry, losses = jax.lax.scan(epoch, carry, first + jnp.arange(epochs, dtype=jnp.int32))
        return carry, losses[-1]
