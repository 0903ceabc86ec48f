"""The inputs of a network audit, completed: objective, parameters, state, batch, key."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnn.audit.problem.from_network import NetworkPoint, as_float, in_dtype
from fnn.audit.problem.projection import Projection
from fnn.layer import Layer, PyTree
from fnn.objective import Batch, Objective
from fnn.shapes import shape_of
from fnn.spec import FnnError, error_path


def complete_inputs(
    objective: Objective | Layer, batch: object, params: PyTree, state: PyTree, seed: int
) -> tuple[Objective, NetworkPoint]:
    """The objective, and all that its gradient depends on, in float64."""
    alone = not isinstance(objective, Objective)
    full_objective: Objective = Objective(objective, Projection()) if alone else objective  # type: ignore[arg-type, assignment]
    x, target, weight = _as_arrays(_as_batch(alone, batch))
    exact = in_dtype(full_objective, "float64")
    key, own = jax.random.split(jax.random.key(seed))
    in_shape = shape_of(x)
    if params is None or state is None:
        with error_path("net"):
            exact.net.out_shape(in_shape)
        drawn = _init(exact, key, jax.tree.map(lambda leaf: leaf[:1], x))
        params = drawn[0] if params is None else params
        state = drawn[1] if state is None else state
    if alone:
        declared = exact.net.out_shape(in_shape)
        rows = jax.tree.leaves(x)[0].shape[0]
        target = np.random.default_rng(seed).normal(size=(rows, *declared.shape))
    wide = jnp.dtype("float64")
    full = Batch(x, target, weight)
    return full_objective, NetworkPoint(as_float(params, wide), as_float(state, wide), full, own)


@jax.jit
def _init(objective: Objective, key: jax.Array, x: PyTree) -> tuple[PyTree, PyTree]:
    """Parameters and state for inputs like these; one program for every audit of a structure."""
    return objective.init(key, shape_of(x))


def _as_batch(alone: bool, batch: object) -> Batch:
    if isinstance(batch, Batch):
        return batch
    if isinstance(batch, tuple) and len(batch) == 2:
        return Batch(*batch)
    if alone:
        return Batch(batch, jnp.zeros(()))
    raise FnnError(
        f"expected a fnn.Batch or a pair (x, target), got {type(batch).__name__}", "batch"
    )


def _as_arrays(batch: Batch) -> tuple[PyTree, PyTree, PyTree]:
    """Inputs, targets and weights as NumPy arrays, floats as float64."""
    x, target, weight = jax.tree.map(np.asarray, tuple(batch))
    leaves = jax.tree.leaves(x)
    if not leaves or any(leaf.ndim == 0 or leaf.shape[0] == 0 for leaf in leaves):
        raise FnnError(
            "expected an array with at least one example along its first axis", "batch.x"
        )
    wide = np.dtype("float64")
    return as_float(x, wide), target, None if weight is None else weight.astype(wide)
