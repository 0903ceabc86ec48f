"""Every example standardized over its own features."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.layer import Example, Layer, Tree
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

    def out_shape(self, in_shape: Tree) -> Tree:
        trailing(self, in_shape, self.ndim)
        return in_shape

    def init(self, key: jax.Array | None, in_shape: Tree) -> tuple[Tree, Tree]:
        features, dtype = trailing(self, in_shape, self.ndim), wide(in_shape.dtype)
        return {"scale": jnp.ones(features, dtype), "shift": jnp.zeros(features, dtype)}, {}

    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        features = leaf_shape(self, params, "scale", self.ndim)
        check_leaves(self, params, {"scale": features, "shift": features})
        check_features(self, x, features)
        dtype = wide(x.dtype)
        x, given = x.astype(dtype), x.dtype
        centered = x - self._mean(x)
        variance = self._mean(jnp.square(centered))
        inverse = jax.lax.rsqrt(variance + jnp.asarray(self.epsilon, dtype))
        x_hat = centered * inverse
        scale, shift = (align(params[name].astype(dtype), x) for name in ("scale", "shift"))
        return (scale * x_hat + shift).astype(given), state, {"x_hat": x_hat, "inverse": inverse}

    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
        x_hat, inverse = tape["x_hat"], tape["inverse"]
        dy, given = dy.astype(x_hat.dtype), dy.dtype
        batch = leading(dy, self.ndim)
        grads = {"scale": (dy * x_hat).sum(batch), "shift": dy.sum(batch)}
        g = dy * align(params["scale"].astype(dy.dtype), dy)
        dx = inverse * (g - self._mean(g) - x_hat * self._mean(g * x_hat))
        return dx.astype(given), {name: g.astype(params[name].dtype) for name, g in grads.items()}

    def _mean(self, x: jax.Array) -> jax.Array:
        return x.mean(tuple(range(x.ndim - self.ndim, x.ndim)), keepdims=True)


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("layer norm", LayerNorm(), shape(5)),
        Example("layer norm of two axes", LayerNorm(2), shape(3, 5)),
    )
