"""What every checker is asked about: a network at a point, and a gradient claimed for it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from experiments.audit_power.coverage import random_network
from experiments.audit_power.mutations import Fault
from experiments.audit_power.trials.network import TrialNetwork
from experiments.audit_power.trials.run import sample_sites
from fnn.audit.problem.from_network import (
    NetworkPoint,
    as_float,
    float_leaves,
    in_dtype,
    with_leaves,
)
from fnn.audit.problem.inputs import complete_inputs
from fnn.gradients import manual
from fnn.layer import PyTree
from fnn.objective import Batch, Objective
from fnn.spec import numbers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class GradientCase:
    """The manual gradient of `by_hand`, claimed to be that of `objective`."""

    name: str
    """of the network"""
    objective: Objective
    by_hand: Any
    batch: Batch
    params: PyTree = None
    """drawn from the seed by the network's own initializers where None"""
    state: PyTree = None
    train: bool = True
    seed: int = 0
    fault: Fault | None = None
    """what was planted; None for a right gradient"""
    path: str = ""
    """where it was planted"""

    def __str__(self) -> str:
        return self.name if self.fault is None else f"{self.fault.name}: {self.name} {self.path}"


@dataclass(frozen=True)
class Programs:
    """A claim as functions of its floating-point leaves, parameters and input, all compiled."""

    value: Callable[[Sequence[Array]], jax.Array]
    gradient: Callable[[Sequence[Array]], list[jax.Array]]
    leaves: tuple[Array, ...]
    paths: tuple[str, ...]
    """of the leaves: `layers[0].weight`, …, `input`"""
    compiling: float
    """seconds that the first call of both took"""


def catalog_cases(network: TrialNetwork, faults: Sequence[Fault], seed: int) -> list[GradientCase]:
    """A network of the catalog, right, then with each fault that has its place in it.

    The place is drawn from the seed. Nothing where no fault has.
    """
    params, state = network.point()
    objective = network.objective
    right = GradientCase(network.name, objective, objective, network.batch(), params, state)
    planted = [
        replace(right, by_hand=fault.inject(objective, path), fault=fault, path=path)
        for fault in faults
        for place, path in sample_sites(fault, seed, 1)
        if place is network
    ]
    return [right, *planted] if planted else []


def random_case(seed: int) -> GradientCase:
    """A random network, right, with the parameters that it starts from."""
    drawn = random_network(seed)
    name = f"random {seed}: {drawn.words}"
    return GradientCase(
        name, drawn.objective, drawn.objective, drawn.batch, train=drawn.train, seed=seed
    )


def programs(claim: GradientCase, dtype: str) -> Programs:
    """The functions, called once. Whatever is drawn (dropout's masks) is what `fnn.audit` draws."""
    objective, setting = complete_inputs(
        claim.objective, claim.batch, claim.params, claim.state, claim.seed
    )
    setting = as_float(setting, np.dtype(dtype))
    right, by_hand = (
        in_dtype(numbers(built, np.dtype(dtype)), dtype) for built in (objective, claim.by_hand)
    )
    leaves = {
        path: np.asarray(leaf)
        for path, leaf in float_leaves(setting.params, setting.batch.x).items()
    }

    def value(arrays: Sequence[Array]) -> jax.Array:
        return _value(right, setting, _named(leaves, arrays), train=claim.train)

    def gradient(arrays: Sequence[Array]) -> list[jax.Array]:
        result = _gradient(by_hand, setting, _named(leaves, arrays), train=claim.train)
        return [result[path] for path in leaves]

    start_time = time.perf_counter()
    point = tuple(leaves.values())
    jax.block_until_ready((value(point), gradient(point)))
    return Programs(value, gradient, point, tuple(leaves), time.perf_counter() - start_time)


def _named(leaves: dict[str, Array], arrays: Sequence[Array]) -> dict[str, Array]:
    return dict(zip(leaves, arrays, strict=True))


@functools.partial(jax.jit, static_argnames="train")
def _value(
    objective: Any, setting: NetworkPoint, leaves: dict[str, Any], *, train: bool
) -> jax.Array:
    params, batch = with_leaves(setting, leaves)
    value: jax.Array = objective.value(params, setting.state, batch, train=train, key=setting.key)[
        0
    ]
    return value


@functools.partial(jax.jit, static_argnames="train")
def _gradient(by_hand: Any, setting: NetworkPoint, leaves: dict[str, Any], *, train: bool) -> Any:
    params, batch = with_leaves(setting, leaves)
    _, grads, dx = manual.backpropagate(
        by_hand, params, setting.state, batch, train=train, key=setting.key
    )
    return float_leaves(grads, dx)
