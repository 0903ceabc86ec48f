"""Features standardized over the batch."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.layer import Example, Layer, Static, Tree
from fnn.shapes import (
    align,
    check_features,
    check_leaves,
    leading,
    leaf_shape,
    shape,
    trailing,
    wide,
)
from fnn.spec import ShapeError, number, spec


@spec("batch_norm.v1")
class BatchNorm(Layer):
    """y = scale · x̂ + shift with x̂ = (x − μ) / √(σ² + ε), for each feature of the last axis.

    In training μ and σ² are the mean and the (biased) variance over all leading axes, in two
    passes, float32 or wider (Ioffe & Szegedy 2015). In evaluation they are the running statistics:
    mean and variance of the batches seen, each older one weighted `momentum` times less. The
    weights are normalized, so after one batch the running mean is that batch's mean, and constant
    statistics are reproduced exactly from the first step on. PyTorch, Keras and Flax start from
    mean 0 and variance 1 instead and take 1 / (1 − momentum) batches to forget them; PyTorch's
    momentum is 1 − this one, and its running variance is the unbiased one. Before the first batch
    evaluation uses mean 0 and variance 1.

    dx = scale / √(σ² + ε) · (dy − mean(dy) − x̂ mean(dy x̂)), dscale = Σ dy x̂, dshift = Σ dy.

    A batch's rows depend on each other in training, so `jax.vmap` over single examples is not
    the batched call there. Sample weights do not enter the statistics.
    """

    momentum: float = number(default=0.9, low=0, below=1)
    epsilon: float = number(default=1e-5, low=0)

    def out_shape(self, in_shape: Tree) -> Tree:
        trailing(self, in_shape, 1)
        return in_shape

    def init(self, key: jax.Array | None, in_shape: Tree) -> tuple[Tree, Tree]:
        features, dtype = trailing(self, in_shape, 1), wide(in_shape.dtype)
        zeros, ones = jnp.zeros(features, dtype), jnp.ones(features, dtype)
        running = {"mean": zeros, "variance": ones, "weight_sum": jnp.zeros((), dtype)}
        return {"scale": ones, "shift": zeros}, running

    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        features = leaf_shape(self, params, "scale", ndim=1)
        check_leaves(self, params, {"scale": features, "shift": features})
        check_leaves(self, state, _statistics(features), "state")
        check_features(self, x, features)
        if train and x.ndim == 1:
            raise ShapeError(
                f"{self} needs a batch to train on, got one example of shape {x.shape}"
            )
        dtype = wide(x.dtype)
        x, given = x.astype(dtype), x.dtype
        if train:
            mean = x.mean(leading(x))
            centered = x - align(mean, x)
            variance = jnp.square(centered).mean(leading(x))
            state = self._update(state, mean, variance)
        else:
            centered = x - align(state["mean"].astype(dtype), x)
            variance = state["variance"].astype(dtype)
        inverse = jax.lax.rsqrt(variance + jnp.asarray(self.epsilon, dtype))
        x_hat = centered * align(inverse, x)
        scale, shift = (align(params[name].astype(dtype), x) for name in ("scale", "shift"))
        y = (scale * x_hat + shift).astype(given)
        return y, state, {"x_hat": x_hat, "inverse": inverse, "train": Static(train)}

    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
        x_hat, inverse = tape["x_hat"], tape["inverse"]
        dy, given = dy.astype(x_hat.dtype), dy.dtype
        batch = leading(dy)
        grads = {"scale": (dy * x_hat).sum(batch), "shift": dy.sum(batch)}
        if tape["train"].value:
            rows = dy.size // dy.shape[-1]
            dy = dy - align(grads["shift"] / rows, dy) - x_hat * align(grads["scale"] / rows, dy)
        dx = dy * align(inverse * params["scale"].astype(dy.dtype), dy)
        return dx.astype(given), {name: g.astype(params[name].dtype) for name, g in grads.items()}

    def _update(self, state: Tree, mean: jax.Array, variance: jax.Array) -> Tree:
        dtype = state["mean"].dtype
        momentum = jnp.asarray(self.momentum, dtype)
        weight_sum = momentum * state["weight_sum"] + (1 - momentum)
        share = (1 - momentum) / weight_sum
        mean, variance = (
            old + share * (jax.lax.stop_gradient(new).astype(dtype) - old)
            for old, new in ((state["mean"], mean), (state["variance"], variance))
        )
        return {"mean": mean, "variance": variance, "weight_sum": weight_sum}


def _statistics(features: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {"mean": features, "variance": features, "weight_sum": ()}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("batch norm", BatchNorm(), shape(5), per_example=False),
        Example("batch norm over time", BatchNorm(), shape(3, 5), per_example=False),
        Example("batch norm in evaluation", BatchNorm(), shape(5), train=False),
    )
