"""Parameters and state of a model as named arrays."""

from __future__ import annotations

import jax
import numpy as np

from fnn.checkpoint.leaves import check_leaves, to_arrays
from fnn.layer import PyTree
from fnn.objective import Objective
from fnn.spec import named_leaves


def declared(objective: Objective, in_shape: PyTree) -> dict[str, PyTree]:
    """The shapes of `params` and `state` that `objective.init` would make; nothing is computed."""

    def init() -> dict[str, PyTree]:
        params, state = objective.init(jax.random.key(0), in_shape)
        return {"params": params, "state": state}

    return jax.eval_shape(init)


def named_arrays(
    objective: Objective, in_shape: PyTree, trees: dict[str, PyTree]
) -> dict[str, np.ndarray]:
    """The arrays of `trees` by path. Raises `FnnError` where they are not the objective's."""
    arrays = to_arrays(trees)
    check_leaves(named_leaves(declared(objective, in_shape)), arrays, any_precision=True)
    return arrays
