"""What can a perceptron learn? AND and OR, by Rosenblatt's rule; never XOR.

    ./scripts/python experiments/perceptron.py

A plane separates the corners of AND and of OR, so the mistakes reach 0 and stay there (Novikoff
1962). None separates those of XOR (Minsky & Papert 1969).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

import fnn
from fnn import xla
from fnn.combinators import Serial
from fnn.layer import PyTree
from fnn.spec import error_path

CORNERS = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
EPOCHS = 20


class PerceptronResult(NamedTuple):
    """Learned parameters, and how many examples were wrong in each epoch (epochs,)."""

    params: PyTree
    mistakes: jax.Array


def train_perceptron(
    net: Serial,
    params: PyTree,
    x: jax.Array,
    target: jax.Array,
    *,
    epochs: int,
    learning_rate: float | jax.Array = 1.0,
) -> PerceptronResult:
    """W += η x (t − y), b += η (t − y), one example at a time, in order, as one scan.

    `net` is `fnn.networks.perceptron()`, x (B, I), target (B, units) of 0 and 1. Where the classes
    can be separated by a plane, the mistakes reach 0 and stay there (Novikoff 1962); where they
    can't, as with XOR, they never do (Minsky & Papert 1969). `epochs` is the scan's length, so
    jit it as a static argument. Raises `ShapeError` as the layers do.
    """
    rate = jnp.asarray(learning_rate, x.dtype)

    def example(params: PyTree, pair: tuple[jax.Array, jax.Array]) -> tuple[PyTree, jax.Array]:
        x, t = pair
        with error_path("net"):
            y, _ = net.apply(params, {"layers": ({}, {})}, x)
        error = t.astype(y.dtype) - y
        dense = params["layers"][0]
        dense = {
            "weight": dense["weight"] + rate * jnp.outer(x, error),
            "bias": dense["bias"] + rate * error,
        }
        return {"layers": (dense, {})}, (error != 0).any()

    def epoch(params: PyTree, _: None) -> tuple[PyTree, jax.Array]:
        params, wrong = jax.lax.scan(example, params, (x, target))
        return params, wrong.sum()

    return PerceptronResult(*jax.lax.scan(epoch, params, None, length=epochs))


def main() -> None:
    """Print the mistakes of each epoch for each gate, from the same start."""
    net = fnn.perceptron()
    params, _ = net.init(jax.random.key(0), fnn.shape(2))
    learn = jax.jit(train_perceptron, static_argnames="epochs")
    for name, outputs in GATES.items():
        target = jnp.array(outputs)[:, None]
        mistakes = learn(net, params, CORNERS, target, epochs=EPOCHS).mistakes
        verdict = "learned" if mistakes[-1] == 0 else "not learned"
        print(f"{name:<4} mistakes by epoch {' '.join(map(str, mistakes.tolist()))}: {verdict}")


if __name__ == "__main__":
    xla.configure()
    main()
