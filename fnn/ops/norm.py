"""Euclidean norms whose squares neither overflow nor underflow."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def power_of_two(largest: jax.Array) -> jax.Array:
    """The largest power of two up to a number from 0 up; 1 for 0.

    To divide by it rounds nothing, so that what is computed of the quotients has the bits that it
    would have without it wherever that neither overflows nor underflows.
    """
    mantissa, _ = jnp.frexp(largest)
    positive = mantissa > 0
    power = largest / jnp.where(positive, 2 * mantissa, 1)
    smallest = jnp.asarray(jnp.finfo(largest.dtype).tiny, largest.dtype)
    return jnp.where(positive, jnp.maximum(power, smallest), 1)


def largest_entry(leaves: list[jax.Array]) -> jax.Array:
    """max |x| over all entries of arrays of one dtype; 0 where there are none."""
    peaks = [jnp.abs(leaf).max() for leaf in leaves if leaf.size]
    return jnp.stack(peaks).max() if peaks else jnp.zeros(())


def norm(x: jax.Array) -> jax.Array:
    """√Σ x², which is infinite only where the norm itself is."""
    scale = power_of_two(largest_entry([x]).astype(x.dtype))
    scaled = x / scale
    return scale * jnp.sqrt(jnp.vdot(scaled, scaled))
