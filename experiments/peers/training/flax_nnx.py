"""Flax NNX: modules, `nnx.Optimizer`, and a step with both bound to it.

By `nnx.cached_partial`, which its guide to performance advises for small models, and by the newer
`nnx.jit_partial` on modules as trees. Batches are gathered by NumPy while the step before is under
way; losses are asked for when an epoch is over.
"""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from experiments.peers.training.workloads import Float, Params, Workload


class Net(nnx.Module):
    """The network."""

    def __init__(self, work: Workload, rngs: nnx.Rngs) -> None:
        pairs = itertools.pairwise(work.sizes)
        self.layers = nnx.List([nnx.Linear(*pair, rngs=rngs) for pair in pairs])
        self.activation = nnx.relu if work.activation == "relu" else jnp.tanh
        self.dropout = None if work.dropout is None else nnx.Dropout(work.dropout, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
            if self.dropout is not None:
                x = self.dropout(x)
        return last(x)


def loss_of(net: Any, x: jax.Array, target: jax.Array) -> jax.Array:
    """The mean loss."""
    logits = net(x)
    if logits.shape[1] == 1:
        labels = target.astype(logits.dtype)
        return optax.sigmoid_binary_cross_entropy(logits[:, 0], labels).mean()
    return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()


def train_step(net: Any, optimizer: Any, x: jax.Array, target: jax.Array) -> jax.Array:
    """A step, in place."""
    loss, grads = nnx.value_and_grad(loss_of)(net, x, target)
    optimizer.update(net, grads)
    return loss


evaluate = nnx.jit(loss_of)


@nnx.jit
def predict(net: Any, x: jax.Array) -> jax.Array:
    """Logits."""
    return net(x)


class Flax:
    """The steps hold a copy of the model in train mode, with the same parameters."""

    def __init__(self, work: Workload) -> None:
        self.work, self.draw = work, np.random.default_rng(0)
        (self.x, self.target), self.test = work.train(), work.test()
        self.net = Net(work, nnx.Rngs(0))
        self.rule = optax.adam(work.rate) if work.optimizer == "adam" else optax.sgd(work.rate)
        self.net.train()
        self.step = self._bound()
        self.net.eval()

    def _bound(self) -> Any:
        optimizer = nnx.Optimizer(self.net, self.rule, wrt=nnx.Param)
        return nnx.cached_partial(nnx.jit(train_step), self.net, optimizer)

    def load(self, params: Params) -> None:
        for layer, (weight, bias) in zip(self.net.layers, params, strict=True):
            layer.kernel[...], layer.bias[...] = jnp.array(weight), jnp.array(bias)

    def params(self) -> Params:
        return [
            (np.asarray(layer.kernel[...]), np.asarray(layer.bias[...]))
            for layer in self.net.layers
        ]

    def train(self, epochs: int) -> float:
        x, target, size = self.x, self.target, self.work.batch
        for _ in range(epochs):
            if self.work.whole:
                losses = [self.step(x, target)]
                continue
            order = self.draw.permutation(len(x))
            batches = [order[first : first + size] for first in range(0, len(x), size)]
            losses = [self.step(x[batch], target[batch]) for batch in batches]
        return float(np.mean(jax.device_get(losses)))

    def evaluate(self) -> float:
        return float(evaluate(self.net, *self.test))

    def predict(self, x: Float) -> Float:
        return np.asarray(predict(self.net, x))


class FlaxTree(Flax):
    """`nnx.jit_partial`, without the search for shared parts that graphs need."""

    def _bound(self) -> Any:
        with nnx.set_graph_mode(False):
            optimizer = nnx.Optimizer(self.net, self.rule, wrt=nnx.Param)
            return nnx.jit_partial(train_step, self.net, optimizer)
