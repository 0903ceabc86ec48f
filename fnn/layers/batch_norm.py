"""Features standardized over the batch."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Static, Tape
from fnn.ops import affine, affine_gradients, moments, remove_moments, standardize
from fnn.shapes import Axes, Shaped, align, leading, leaf_shape, shape, trailing, wide
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

    def check_input(self, x: Shaped) -> None:
        trailing(self, x, 1)

    def mean_size(self, in_shape: Shaped, rows: int) -> int:
        return rows * math.prod(in_shape.shape[:-1])

    def in_features(self, params: Params) -> Axes:
        return leaf_shape(self, params, "scale", ndim=1)

    def param_shapes(self, features: Axes) -> dict[str, Axes]:
        return {"scale": features, "shift": features}

    def state_shapes(self, features: Axes) -> dict[str, Axes]:
        return {"mean": features, "variance": features, "weight_sum": ()}

    def check_forward(self, params: Params, state: State, x: Array, train: bool) -> None:
        super().check_forward(params, state, x, train)
        if train and 0 in x.shape[:-1]:
            raise ShapeError(f"{self} needs rows to train on, got none: shape {x.shape}")
        if train and x.ndim == 1:
            raise ShapeError(
                f"{self} needs a batch to train on, got one example of shape {x.shape}"
            )

    def init(self, key: Key, in_shape: Shaped) -> tuple[Params, State]:
        features, dtype = in_shape.shape[-1:], wide(in_shape.dtype)
        zeros, ones = jnp.zeros(features, dtype), jnp.ones(features, dtype)
        running = {"mean": zeros, "variance": ones, "weight_sum": jnp.zeros((), dtype)}
        return {"scale": ones, "shift": zeros}, running

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        wide_x = x.astype(wide(x.dtype))
        if train:
            mean, centered, variance = moments(wide_x, leading(x))
            mean, variance = (moment.reshape(x.shape[-1:]) for moment in (mean, variance))
            state = self._update(state, mean, variance)
        else:
            centered = wide_x - align(state["mean"].astype(wide_x.dtype), x)
            variance = state["variance"].astype(wide_x.dtype)
        x_hat, inverse = standardize(centered, variance, self.epsilon)
        y = affine(params, x_hat).astype(x.dtype)
        return y, state, {"x_hat": x_hat, "inverse": inverse, "train": Static(train)}

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        x_hat, inverse = tape["x_hat"], tape["inverse"]
        wide_dy = dy.astype(x_hat.dtype)
        train = tape["train"].value
        g = remove_moments(wide_dy, x_hat, leading(dy)) if train else wide_dy
        dx = g * align(inverse * params["scale"].astype(x_hat.dtype), dy)
        return dx.astype(dy.dtype), affine_gradients(params, x_hat, wide_dy)

    def _update(self, state: State, mean: Array, variance: Array) -> State:
        dtype = state["mean"].dtype
        momentum = jnp.asarray(self.momentum, dtype)
        weight_sum = momentum * state["weight_sum"] + (1 - momentum)
        fraction = (1 - momentum) / weight_sum
        mean, variance = (
            old + fraction * (jax.lax.stop_gradient(new).astype(dtype) - old)
            for old, new in ((state["mean"], mean), (state["variance"], variance))
        )
        return {"mean": mean, "variance": variance, "weight_sum": weight_sum}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("batch norm", BatchNorm(), shape(5), per_example=False),
        Example("batch norm over time", BatchNorm(), shape(3, 5), per_example=False),
        Example("batch norm in evaluation", BatchNorm(), shape(5), train=False),
    )
