"""Equinox: a module of `eqx.nn` layers under `jax.vmap`, and a step under `eqx.filter_jit`.

Batches are gathered by NumPy while the step before is under way; losses are asked for when an epoch
is over.
"""

from __future__ import annotations

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.peers.training.workloads import Float, Params, Workload


class Net(eqx.Module):
    """The network, of one row."""

    layers: list
    dropout: Any
    activation: Any = eqx.field(static=True)

    def __init__(self, work: Workload, key: jax.Array) -> None:
        pairs = list(itertools.pairwise(work.sizes))
        keys = jax.random.split(key, len(pairs))
        self.layers = [eqx.nn.Linear(*pair, key=key) for pair, key in zip(pairs, keys, strict=True)]
        self.dropout = None if work.dropout is None else eqx.nn.Dropout(work.dropout)
        self.activation = jax.nn.relu if work.activation == "relu" else jnp.tanh

    def __call__(self, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
        *hidden, last = self.layers
        for number, layer in enumerate(hidden):
            x = self.activation(layer(x))
            if self.dropout is not None:
                drawn = None if key is None else jax.random.fold_in(key, number)
                x = self.dropout(x, key=drawn, inference=key is None)
        return last(x)


def outputs(net: Net, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
    """Logits of a batch."""
    if key is None:
        return jax.vmap(net)(x)
    return jax.vmap(net)(x, jax.random.split(key, len(x)))


def loss_of(net: Net, x: jax.Array, target: jax.Array, key: jax.Array | None = None) -> jax.Array:
    """The mean loss."""
    logits = outputs(net, x, key)
    if logits.shape[1] == 1:
        labels = target.astype(logits.dtype)
        return optax.sigmoid_binary_cross_entropy(logits[:, 0], labels).mean()
    return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()


evaluate, predict = eqx.filter_jit(loss_of), eqx.filter_jit(outputs)


class Equinox:
    """A new model comes out of each step."""

    def __init__(self, work: Workload) -> None:
        self.work, self.draw = work, np.random.default_rng(0)
        (self.x, self.target), self.test = work.train(), work.test()
        self.net = Net(work, jax.random.key(0))
        optimizer = optax.adam(work.rate) if work.optimizer == "adam" else optax.sgd(work.rate)
        self.state = optimizer.init(eqx.filter(self.net, eqx.is_inexact_array))
        self.key = None if work.dropout is None else jax.random.key(1)

        @eqx.filter_jit
        def step(net: Net, state: Any, x: jax.Array, target: jax.Array, key: Any) -> Any:
            drawn = None
            if key is not None:
                key, drawn = jax.random.split(key)
            loss, grads = eqx.filter_value_and_grad(loss_of)(net, x, target, drawn)
            updates, state = optimizer.update(grads, state, eqx.filter(net, eqx.is_inexact_array))
            return loss, eqx.apply_updates(net, updates), state, key

        self.step = step

    def load(self, params: Params) -> None:
        leaves = [jnp.array(leaf) for weight, bias in params for leaf in (weight.T, bias)]
        self.net = eqx.tree_at(self._leaves, self.net, leaves)

    def params(self) -> Params:
        leaves = [np.asarray(leaf) for leaf in self._leaves(self.net)]
        pairs = zip(leaves[::2], leaves[1::2], strict=True)
        return [(weight.T, bias) for weight, bias in pairs]

    def train(self, epochs: int) -> float:
        x, target, size = self.x, self.target, self.work.batch
        for _ in range(epochs):
            if self.work.whole:
                losses = [self._step(x, target)]
                continue
            order = self.draw.permutation(len(x))
            batches = [order[first : first + size] for first in range(0, len(x), size)]
            losses = [self._step(x[batch], target[batch]) for batch in batches]
        return float(np.mean(jax.device_get(losses)))

    def evaluate(self) -> float:
        return float(evaluate(self.net, *self.test))

    def predict(self, x: Float) -> Float:
        return np.asarray(predict(self.net, x))

    def _step(self, x: Float, target: np.ndarray) -> jax.Array:
        loss: jax.Array
        loss, self.net, self.state, self.key = self.step(self.net, self.state, x, target, self.key)
        return loss

    @staticmethod
    def _leaves(net: Net) -> list[jax.Array]:
        return [leaf for layer in net.layers for leaf in (layer.weight, layer.bias)]
