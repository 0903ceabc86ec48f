"""Every example standardized over its own features."""

from __future__ import annotations

import math

import jax.numpy as jnp

from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Tape
from fnn.ops import affine, affine_gradients, moments, remove_moments, standardize
from fnn.shapes import Axes, Shaped, align, leaf_shape, shape, trailing, wide
from fnn.spec import number, spec, static


@spec("layer_norm.v1")
class LayerNorm(Layer):
    """y = scale · x̂ + shift with x̂ = (x − μ) / √(σ² + ε) over the last `ndim` axes.

    μ and σ² (biased) are each example's own, in two passes, float32 or wider (Ba et al. 2016).
    With g = dy scale: dx = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε), the means over the features;
    dscale = Σ dy x̂ and dshift = Σ dy over all leading axes.

    ε is 1e-5 as in PyTorch; Flax takes 1e-6 and Keras 1e-3.
    """

    ndim: int = static(default=1, low=1)
    epsilon: float = number(default=1e-5, low=0)

    def check_input(self, x: Shaped) -> None:
        trailing(self, x, self.ndim)

    def mean_size(self, in_shape: Shaped, rows: int) -> int:
        return math.prod(in_shape.shape[-self.ndim :])

    def in_features(self, params: Params) -> Axes:
        return leaf_shape(self, params, "scale", self.ndim)

    def param_shapes(self, features: Axes) -> dict[str, Axes]:
        return {"scale": features, "shift": features}

    def init(self, key: Key, in_shape: Shaped) -> tuple[Params, State]:
        features, dtype = trailing(self, in_shape, self.ndim), wide(in_shape.dtype)
        return {"scale": jnp.ones(features, dtype), "shift": jnp.zeros(features, dtype)}, {}

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        _, centered, variance = moments(x.astype(wide(x.dtype)), self._axes(x))
        x_hat, inverse = standardize(centered, variance, self.epsilon)
        y = affine(params, x_hat).astype(x.dtype)
        return y, state, {"x_hat": x_hat, "inverse": inverse}

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        x_hat, inverse = tape["x_hat"], tape["inverse"]
        wide_dy = dy.astype(x_hat.dtype)
        g = wide_dy * align(params["scale"].astype(x_hat.dtype), dy)
        dx = inverse * remove_moments(g, x_hat, self._axes(dy))
        return dx.astype(dy.dtype), affine_gradients(params, x_hat, wide_dy)

    def _axes(self, x: Array) -> Axes:
        return tuple(range(x.ndim - self.ndim, x.ndim))


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("layer norm", LayerNorm(), shape(5)),
        Example("layer norm of two axes", LayerNorm(2), shape(3, 5)),
    )
