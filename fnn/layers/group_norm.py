"""Every example standardized over groups of its channels."""

from __future__ import annotations

import math

import jax.numpy as jnp

from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Tape
from fnn.ops import affine, affine_gradients, moments, remove_moments, standardize
from fnn.shapes import Axes, Shaped, align, leaf_shape, shape, trailing, wide
from fnn.spec import ShapeError, number, spec, static


@spec("group_norm.v1")
class GroupNorm(Layer):
    """y = scale · x̂ + shift with x̂ = (x − μ) / √(σ² + ε) over each group of an example's channels.

    The channels C are the last axis; group k of G = `groups` is channels k C/G … (k+1) C/G − 1. An
    example is the last `ndim` axes: 1 for (C), 3 for images (H, W, C). μ and σ² (biased) are taken
    over a group's channels and all other axes of the example, in two passes, in float32 or wider
    (Wu & He 2018, arXiv:1803.08494, equations 1, 2 and 7). `scale` and `shift` are (C).

    With g = dy scale: dx = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε), the means over the same axes;
    dscale = Σ dy x̂ and dshift = Σ dy over all axes but the channels.

    `groups=1` is LayerNorm over the whole example (but for scale and shift, which are one a
    channel), `groups=C` is InstanceNorm. `ndim` has no default, because with 1 each pixel would be
    standardized by itself, unnoticed. PyTorch has the channels on axis 1, and Flax takes every axis
    but the first for the example, so that one without a batch axis gives other numbers; here
    `jax.vmap(apply)` over single examples is the batched call. ε is 1e-5 as in PyTorch; Flax takes
    1e-6 and Keras 1e-3. Raises `ShapeError` where G doesn't divide C.

    >>> import fnn
    >>> fnn.GroupNorm(groups=8, ndim=3).out_shape(fnn.shape(28, 28, 16)).shape
    (28, 28, 16)
    """

    groups: int = static(low=1)
    ndim: int = static(low=1)
    epsilon: float = number(default=1e-5, low=0)

    def check_input(self, x: Shaped) -> None:
        channels = trailing(self, x, self.ndim)[-1]
        if channels % self.groups:
            raise ShapeError(
                f"{self} needs a multiple of {self.groups} channels on the last axis, "
                f"got shape {x.shape}"
            )

    def mean_size(self, in_shape: Shaped, rows: int) -> int:
        return math.prod(in_shape.shape[-self.ndim :]) // self.groups

    def in_features(self, params: Params) -> Axes:
        return leaf_shape(self, params, "scale", ndim=1)

    def param_shapes(self, features: Axes) -> dict[str, Axes]:
        return {"scale": features, "shift": features}

    def init(self, key: Key, in_shape: Shaped) -> tuple[Params, State]:
        channels, dtype = in_shape.shape[-1:], wide(in_shape.dtype)
        return {"scale": jnp.ones(channels, dtype), "shift": jnp.zeros(channels, dtype)}, {}

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        grouped = self._grouped(x.astype(wide(x.dtype)))
        _, centered, variance = moments(grouped, self._axes(grouped))
        x_hat, inverse = standardize(centered, variance, self.epsilon)
        x_hat = x_hat.reshape(x.shape)
        y = affine(params, x_hat).astype(x.dtype)
        return y, state, {"x_hat": x_hat, "inverse": inverse}

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        x_hat, inverse = tape["x_hat"], tape["inverse"]
        wide_dy = dy.astype(x_hat.dtype)
        g = self._grouped(wide_dy * align(params["scale"].astype(x_hat.dtype), dy))
        dx = inverse * remove_moments(g, self._grouped(x_hat), self._axes(g))
        return dx.reshape(dy.shape).astype(dy.dtype), affine_gradients(params, x_hat, wide_dy)

    def _grouped(self, x: Array) -> Array:
        """(…, C) as (…, G, C / G)."""
        return x.reshape(*x.shape[:-1], self.groups, x.shape[-1] // self.groups)

    def _axes(self, grouped: Array) -> Axes:
        """A group's channels, and the axes of the example in front of the groups."""
        last = grouped.ndim - 1
        return (*range(last - self.ndim, last - 1), last)


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("group norm", GroupNorm(2, 1), shape(6)),
        Example("group norm over time", GroupNorm(3, 1), shape(4, 6)),
        Example("group norm of images", GroupNorm(2, 3), shape(3, 2, 4)),
        Example("group norm of one group", GroupNorm(1, 2, 0.01), shape(3, 4)),
    )
