"""Metrics of numbers. N rows, O outputs."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp

from fnn.spec import ShapeError


def regression_metrics(
    names: Iterable[str],
    output: jax.Array,
    target: jax.Array,
    weight: jax.Array | None,
    target_scale: jax.Array | None,
) -> dict[str, jax.Array]:
    """The metrics of these names for outputs and targets (N, O), and weights (N,)."""
    error = output - target
    metrics: dict[str, jax.Array] = {}
    for name in names:
        if name == "r2":
            metrics[name] = r2(error, target, weight)
        else:
            metrics[name] = (mse if name == "mse" else mae)(_in_units(error, target_scale), weight)
    return metrics


def mse(error: jax.Array, weight: jax.Array | None) -> jax.Array:
    """The mean of the squared errors (N, O)."""
    return _mean(jnp.square(error), weight).mean()


def mae(error: jax.Array, weight: jax.Array | None) -> jax.Array:
    """The mean of the absolute errors (N, O)."""
    return _mean(jnp.abs(error), weight).mean()


def r2(error: jax.Array, target: jax.Array, weight: jax.Array | None) -> jax.Array:
    """1 − Σ e² / Σ (target − mean)², the mean over the outputs; NaN for a single row.

    As in scikit-learn, a constant target gives 1 where it is predicted exactly and 0 otherwise.
    Deviations are taken twice, so that a mean far larger than the spread costs no digits.
    """
    if target.shape[0] < 2:
        return jnp.full((), jnp.nan, error.dtype)
    deviation = target - _mean(target, weight)[None]
    deviation = deviation - _mean(deviation, weight)[None]
    unexplained = _mean(jnp.square(error), weight)
    counted = jnp.ones((1, 1), bool) if weight is None else (weight != 0)[:, None]
    limit = jnp.finfo(target.dtype).max
    smallest = jnp.where(counted, target, limit).min(0)
    largest = jnp.where(counted, target, -limit).max(0)
    constant = smallest == largest
    spread = jnp.where(constant, 1, _mean(jnp.square(deviation), weight))
    exact_fit = jnp.where(unexplained == 0, jnp.ones_like(spread), jnp.zeros_like(spread))
    return jnp.where(constant, exact_fit, 1 - unexplained / spread).mean()


def _mean(values: jax.Array, weight: jax.Array | None) -> jax.Array:
    if weight is None:
        return values.mean(0)
    return (values * weight[:, None]).sum(0) / weight.sum()


def _in_units(error: jax.Array, target_scale: jax.Array | None) -> jax.Array:
    if target_scale is None:
        return error
    target_scale = jnp.asarray(target_scale, error.dtype)
    if target_scale.shape not in ((), (1,), error.shape[1:]):
        raise ShapeError(
            f"the output has {error.shape[1]} columns, the target_scale shape {target_scale.shape}"
        )
    return error * target_scale.reshape(1, -1)
