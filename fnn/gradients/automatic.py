"""The gradient by `jax.grad`."""

from __future__ import annotations

from collections.abc import Callable

import jax

from fnn.layer import Grads, Key, Params, State
from fnn.objective import Aux, Batch, Objective


def value_and_grad(objective: Objective) -> Callable[..., tuple[tuple[jax.Array, Aux], Grads]]:
    """A function (params, state, batch, *, key) -> (value, aux), grads, in training mode."""

    def run(
        params: Params, state: State, batch: Batch, *, key: Key = None
    ) -> tuple[tuple[jax.Array, Aux], Grads]:
        def value(params: Params) -> tuple[jax.Array, Aux]:
            return objective.value(params, state, batch, train=True, key=key)

        return jax.value_and_grad(value, has_aux=True)(params)

    return run
