"""Softmax and its logarithm, each shifted by the maximum of its row."""

from __future__ import annotations

import jax


def softmax(z: jax.Array, axis: int = -1) -> jax.Array:
    """p = e^z / Σ e^z along one axis."""
    return jax.nn.softmax(z, axis)


def softmax_backward(p: jax.Array, dp: jax.Array) -> jax.Array:
    """dz = p (dp − Σ dp p) for the last axis, from p = softmax(z)."""
    return p * (dp - (dp * p).sum(-1, keepdims=True))


def log_softmax(z: jax.Array) -> jax.Array:
    """log p = z − log Σ e^z along the last axis, right where p would round to 0."""
    return jax.nn.log_softmax(z)


def log_softmax_backward(p: jax.Array, dlog: jax.Array) -> jax.Array:
    """dz = dlog − p Σ dlog for the last axis, from p = softmax(z)."""
    return dlog - p * dlog.sum(-1, keepdims=True)
