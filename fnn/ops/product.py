"""Products and logarithms in which a weight of 0 leaves a term out, even an infinite one."""

from __future__ import annotations

import jax
import jax.numpy as jnp


@jax.custom_jvp
def weighted(weight: jax.Array, value: jax.Array) -> jax.Array:
    """weight · value, where 0 · ±∞ is 0: the limit of t log p. 0 · NaN stays NaN.

    Its derivative is the product's own, so that the mask costs the gradient nothing.
    """
    return weight * _finite_where_zero(weight, value)


@weighted.defjvp
def _weighted_jvp(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    (weight, value), (dweight, dvalue) = primals, tangents
    slope = weight * dvalue + _finite_where_zero(weight, value) * dweight
    return weighted(weight, value), slope


def _finite_where_zero(weight: jax.Array, value: jax.Array) -> jax.Array:
    return jnp.where((weight == 0) & jnp.isinf(value), 0, value)


def nonzero(value: jax.Array, weight: jax.Array) -> jax.Array:
    """The value, or 1 where both it and its weight are 0, so that weight · log or weight / is 0.

    It stands inside the logarithm because the derivative of a choice outside would be 0 · ∞.
    """
    return jnp.where((weight == 0) & (value == 0), 1, value)
