"""Rosenblatt's rule: the perceptron learns without a gradient."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn.combinators import Serial
from fnn.layer import Tree
from fnn.spec import error_path


class PerceptronResult(NamedTuple):
    """Learned parameters, and how many examples were wrong in each epoch (epochs,)."""

    params: Tree
    mistakes: jax.Array


def train_perceptron(
    net: Serial,
    params: Tree,
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

    def example(params: Tree, pair: tuple[jax.Array, jax.Array]) -> tuple[Tree, jax.Array]:
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

    def epoch(params: Tree, _: None) -> tuple[Tree, jax.Array]:
        params, wrong = jax.lax.scan(example, params, (x, target))
        return params, wrong.sum()

    return PerceptronResult(*jax.lax.scan(epoch, params, None, length=epochs))
