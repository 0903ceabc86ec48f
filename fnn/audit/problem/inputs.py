"""What a network audit is given, made whole: an objective, parameters, state, a batch, a key."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.audit.problem.from_network import NetworkPoint, as_float, in_dtype
from fnn.layer import Layer, Tree
from fnn.losses import Loss
from fnn.objective import Batch, Objective
from fnn.shapes import shape_of
from fnn.spec import FnnError, error_path, spec


@spec("projection.v1")
class Projection(Loss):
    """ℓ = Σ output · target over the last axis; its gradient is the target.

    With a random target it puts a random cotangent at the output of a network without a loss.
    """

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return (output * target.astype(output.dtype)).sum(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return target.astype(output.dtype)


def subject(
    objective: Objective | Layer, batch: Any, params: Tree, state: Tree, seed: int
) -> tuple[Objective, NetworkPoint]:
    """The objective, and all that its gradient depends on, in float64."""
    alone = not isinstance(objective, Objective)
    made: Objective = Objective(objective, Projection()) if alone else objective  # type: ignore[arg-type, assignment]
    x, target, weight = _arrays(_batch(alone, batch))
    exact = in_dtype(made, "float64")
    key, own = jax.random.split(jax.random.key(seed))
    in_shape = shape_of(x)
    if params is None or state is None:
        with error_path("net"):
            exact.net.out_shape(in_shape)
        drawn = jax.jit(lambda objective, key: objective.init(key, in_shape))(exact, key)
        params = drawn[0] if params is None else params
        state = drawn[1] if state is None else state
    if alone:
        declared = exact.net.out_shape(in_shape)
        rows = jax.tree.leaves(x)[0].shape[0]
        target = np.random.default_rng(seed).normal(size=(rows, *declared.shape))
    wide = jnp.dtype("float64")
    full = Batch(x, target, weight)
    return made, NetworkPoint(as_float(params, wide), as_float(state, wide), full, own)


def _batch(alone: bool, batch: Any) -> Batch:
    if isinstance(batch, Batch):
        return batch
    if isinstance(batch, tuple) and len(batch) == 2:
        return Batch(*batch)
    if alone:
        return Batch(batch, jnp.zeros(()))
    raise FnnError(
        f"expected a fnn.Batch or a pair (x, target), got {type(batch).__name__}", "batch"
    )


def _arrays(batch: Batch) -> tuple[Tree, Any, Any]:
    """Inputs, targets and weights as NumPy arrays, floats as float64."""
    x, target, weight = jax.tree.map(np.asarray, tuple(batch))
    leaves = jax.tree.leaves(x)
    if not leaves or any(leaf.ndim == 0 or leaf.shape[0] == 0 for leaf in leaves):
        raise FnnError(
            "expected an array with at least one example along its first axis", "batch.x"
        )
    wide = np.dtype("float64")
    return as_float(x, wide), target, None if weight is None else weight.astype(wide)
