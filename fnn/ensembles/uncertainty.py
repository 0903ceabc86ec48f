"""The outputs of an ensemble's members, and how far they are apart."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from fnn.combinators import Ensemble
from fnn.data import Preprocessing
from fnn.host import fetch
from fnn.layer import PyTree
from fnn.metrics import CHUNK
from fnn.objective import Objective
from fnn.shapes import wide
from fnn.spec import FnnError, numbers


class Predictive(NamedTuple):
    """Predicted numbers in the target's own units, (N,) or (N, O), and how sure they are.

    `mean` is over the members, `spread` their standard deviation (of all M, so that both are those
    of the mixture of M equal parts: Lakshminarayanan et al. 2017, § 2.4). The spread is what
    members disagree on, not the noise of the target, which they agree to leave open.
    """

    mean: np.ndarray
    spread: np.ndarray


def member_outputs(objective: Objective, params: PyTree, state: PyTree, x: PyTree) -> np.ndarray:
    """The members' own outputs (M, N, …) for encoded rows, 4,096 at a time, float32 or wider.

    Raises `FnnError` where the network is not an `Ensemble`, `ShapeError` as its layers do.
    """
    if not isinstance(objective.net, Ensemble):
        raise FnnError(f"expected an ensemble, got one network: {type(objective.net).__name__}")
    objective = numbers(objective, wide(objective.policy.dtype))
    count = jax.tree.leaves(x)[0].shape[0]
    parts = [
        _outputs(objective, params, state, jax.tree.map(lambda leaf: leaf[at : at + CHUNK], x))  # noqa: B023
        for at in range(0, max(count, 1), CHUNK)
    ]
    return np.concatenate(fetch(parts), axis=1)


def predictive(
    objective: Objective, params: PyTree, state: PyTree, x: PyTree, fitted: Preprocessing
) -> Predictive:
    """Mean and spread for encoded rows. Raises `FnnError` for classes."""
    target_scale = fitted.target_scale
    if target_scale is None:
        raise FnnError("classes have no spread: their probabilities say how sure the ensemble is")
    outputs = member_outputs(objective, params, state, x).astype(np.float64)
    mean = fitted.decode(outputs.mean(0))
    return Predictive(mean, (outputs.std(0) * target_scale).reshape(mean.shape))


@jax.jit
def _outputs(objective: Objective, params: PyTree, state: PyTree, x: PyTree) -> jax.Array:
    net = objective.net
    assert isinstance(net, Ensemble)
    output: jax.Array = net.outputs(params, state, objective.policy.cast(x))
    return output.astype(wide(output.dtype))
