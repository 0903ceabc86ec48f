"""The gradient by the layers' own backward passes: backpropagation as the textbooks write it."""

from __future__ import annotations

from collections.abc import Callable

import jax

from fnn.layer import Grads, Key, Params, PyTree, State
from fnn.objective import Aux, Batch, Objective
from fnn.spec import error_path


def value_and_grad(objective: Objective) -> Callable[..., tuple[tuple[jax.Array, Aux], Grads]]:
    """A function (params, state, batch, *, key) -> (value, aux), grads, in training mode."""

    def run(
        params: Params, state: State, batch: Batch, *, key: Key = None
    ) -> tuple[tuple[jax.Array, Aux], Grads]:
        value, grads, _ = backpropagate(objective, params, state, batch, train=True, key=key)
        return value, grads

    return run


def backpropagate(
    objective: Objective,
    params: Params,
    state: State,
    batch: Batch,
    *,
    train: bool,
    key: Key = None,
) -> tuple[tuple[jax.Array, Aux], Grads, PyTree]:
    """The value with what comes beside it, the parameters' gradient, and the input's."""
    x = objective.policy.cast(batch.x)
    with error_path("net"):
        output, state, tape = objective.net.forward(params, state, x, train=train, key=key)
    value = objective.score(params, state, output, batch)
    dx, grads = objective.net.backward(params, tape, objective.output_gradient(output, batch))
    for penalty in objective.penalties:
        grads = jax.tree.map(lambda a, b: a + b, grads, penalty.gradient(params))
    return value, grads, dx
