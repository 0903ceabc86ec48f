"""What passes between the host and the devices."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")


def fetch(tree: Any) -> Any:
    """A pytree of results on the host.

    It waits for them first, which raises where a program ran out of memory. Reading such an array
    raises nothing in jaxlib 0.10 on a CPU: it waits for ever.
    """
    return jax.device_get(jax.block_until_ready(tree))


def transfers(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which passes rows, seeds and counters to the devices on purpose.

    So it runs under `jax.transfer_guard("disallow")` too, which is meant for the transfers that
    one does not know of.
    """

    @functools.wraps(function)
    def allowed(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.transfer_guard("allow"):
            return function(*args, **kwargs)

    return allowed
