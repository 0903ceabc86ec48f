"""x̂ = (x − μ) / √(σ² + ε) over some axes, the affine map behind it, and their derivatives.

All functions keep the reduced axes with length 1, and compute in the dtype of x.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from fnn.shapes import align, leading

Axes = tuple[int, ...]


def moments(x: jax.Array, axes: Axes) -> tuple[jax.Array, jax.Array, jax.Array]:
    """μ, x − μ, and the biased σ², in two passes: E[x²] − μ² cancels where μ is far from 0.

    Deviations are taken twice: the first mean is rounded to its own size, which may be a good part
    of a small σ, and the mean of the deviations from it is what it lacks.
    """
    mean = _mean(x, axes)
    centered = x - mean
    rest = _mean(centered, axes)
    centered = centered - rest
    return mean + rest, centered, _mean(jnp.square(centered), axes)


def standardize(
    centered: jax.Array, variance: jax.Array, epsilon: float | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """x̂ and 1 / √(σ² + ε). Without centering: x itself, and the mean of x² in place of σ²."""
    inverse = jax.lax.rsqrt(variance + jnp.asarray(epsilon, variance.dtype))
    return centered * align(inverse, centered), inverse


def remove_moments(g: jax.Array, x_hat: jax.Array, axes: Axes) -> jax.Array:
    """g − mean(g) − x̂ mean(g x̂): times 1 / √(σ² + ε) it is dx for the cotangent g of x̂."""
    return g - _mean(g, axes) - x_hat * _mean(g * x_hat, axes)


def remove_square(g: jax.Array, x_hat: jax.Array, axes: Axes) -> jax.Array:
    """g − x̂ mean(g x̂): the same where x̂ was not centered."""
    return g - x_hat * _mean(g * x_hat, axes)


def affine(params: Mapping[str, jax.Array], x_hat: jax.Array) -> jax.Array:
    """scale · x̂ + shift, over the last axes."""
    scale, shift = (align(params[name].astype(x_hat.dtype), x_hat) for name in ("scale", "shift"))
    return scale * x_hat + shift


def affine_gradients(
    params: Mapping[str, jax.Array], x_hat: jax.Array, dy: jax.Array
) -> dict[str, jax.Array]:
    """dscale = Σ dy x̂ and dshift = Σ dy (of those that there are) over the axes in front."""
    batch = leading(dy, params["scale"].ndim)
    grads = {"scale": (dy * x_hat).sum(batch)}
    if "shift" in params:
        grads["shift"] = dy.sum(batch)
    return {name: grad.astype(params[name].dtype) for name, grad in grads.items()}


def _mean(x: jax.Array, axes: Axes) -> jax.Array:
    return x.mean(axes, keepdims=True)
