"""How far training by hand-written gradients drifts from training by automatic ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn.data import load, prepare
from fnn.layer import PyTree
from fnn.losses import CrossEntropy
from fnn.optimizers import SGD, Adam, Optimizer

BATCH = 32
LAST = 100
"""the losses told are means over so many last steps"""

SETTINGS: dict[str, tuple[fnn.Serial, Optimizer]] = {
    "64-32-10 relu, SGD": (fnn.mlp([32], 10), SGD(0.1)),
    "64-32-10 relu, Adam": (fnn.mlp([32], 10), Adam(0.001)),
    "BatchNorm and dropout, Adam": (
        fnn.mlp([32, 32], 10, batch_norm=True, dropout=0.2),
        Adam(0.001),
    ),
    "8 layers of tanh, momentum": (
        fnn.mlp([32] * 8, 10, activation="tanh"),
        SGD(0.05, momentum=0.9),
    ),
}


@dataclass(frozen=True)
class Drift:
    """Distances ‖θ − θₐ‖ / ‖θₐ‖ from the automatic run θₐ, (seeds, steps + 1), the start first."""

    name: str
    dtype: str
    manual: np.ndarray
    """of the run by hand"""
    nudged: np.ndarray
    """of a second automatic run, one of whose parameters began one ulp further from zero"""
    losses: np.ndarray
    """(seeds, 3), of the automatic, the manual and the nudged run, each a mean of last steps"""

    def to_json(self) -> dict[str, Any]:
        """What JSON holds: all seeds' distances, at 1, 2, 5, 10, … steps."""
        steps = marks(self.manual.shape[1] - 1)
        return {
            "network": self.name,
            "dtype": self.dtype,
            "steps": steps,
            "manual": self.manual[:, steps],
            "nudged": self.nudged[:, steps],
            "losses": self.losses,
        }


def marks(steps: int) -> list[int]:
    """0, 1, 2, 5, 10, 20, … and the last."""
    round_numbers = (base * 10**power for power in range(10) for base in (1, 2, 5))
    return [0, *(number for number in round_numbers if number < steps), steps]


def digits() -> fnn.Batch:
    """The training rows of digits, 60 % of them."""
    rows = prepare(load("digits")).train
    assert isinstance(rows, fnn.Batch)
    return rows


def drift(
    name: str, dtype: str, *, seeds: Sequence[int], steps: int, rows: fnn.Batch | None = None
) -> Drift:
    """Train three times a seed from one start, on the same batches and with the same keys.

    All steps of the three are one scan. `dtype` is float32 or float64.
    """
    net, optimizer = SETTINGS[name]
    with jax.enable_x64(dtype == "float64"):
        policy = fnn.Policy(dtype)  # type: ignore[arg-type]
        run = fnn.Run(fnn.Objective(net, CrossEntropy(), policy=policy), optimizer, BATCH)
        run = fnn.numbers(run)
        rows = jax.tree.map(jnp.asarray, digits() if rows is None else rows)
        follow = jax.jit(_follow)
        result = [
            jax.device_get(follow(run, rows, batches(len(rows.target), steps, seed), seed))
            for seed in seeds
        ]
    apart, losses = map(np.stack, zip(*result, strict=True))
    return Drift(name, dtype, apart[:, :, 0], apart[:, :, 1], losses)


def batches(rows: int, steps: int, seed: int) -> np.ndarray:
    """Row numbers (steps, BATCH): one shuffle after another."""
    draw = np.random.default_rng(seed)
    epochs = -(-steps // (rows // BATCH))
    orders = [draw.permutation(rows)[: rows - rows % BATCH] for _ in range(epochs)]
    return np.concatenate(orders).reshape(-1, BATCH)[:steps].astype(np.int32)


def _follow(
    run: fnn.Run, rows: fnn.Batch, order: jax.Array, seed: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Distances (steps + 1, 2) of the manual and of the nudged run, and the losses of the three."""
    runs = (run, fnn.replace(run, gradient="manual"), run)
    start = fnn.init_state(run, fnn.shape_of(rows.x), seed=seed, order_seed=0)
    starts = (start, start, start._replace(params=nudged(start.params)))

    def apart(states: Sequence[fnn.RunState]) -> jax.Array:
        automatic, *others = (state.params for state in states)
        return jnp.stack([distance(other, automatic) for other in others])

    def once(states: Any, index: jax.Array) -> Any:
        batch = fnn.Batch(rows.x[index], rows.target[index])
        stepped = [fnn.step(run, state, batch) for run, state in zip(runs, states, strict=True)]
        states, losses = zip(*stepped, strict=True)
        return states, (apart(states), jnp.stack(losses))

    _, (after, losses) = jax.lax.scan(once, starts, order)
    return jnp.concatenate([apart(starts)[None], after]), losses[-LAST:].mean(0)


def nudged(params: Mapping[str, Any]) -> PyTree:
    """The largest weight of the last layer is moved one ulp away from zero."""
    *others, last = params["layers"]
    weight = last["weight"]
    where = jnp.unravel_index(jnp.argmax(jnp.abs(weight)), weight.shape)
    largest = weight[where]
    further = jnp.nextafter(largest, jnp.copysign(jnp.inf, largest).astype(weight.dtype))
    moved = weight.at[where].set(further)
    return {"layers": (*others, {**last, "weight": moved})}


def distance(params: PyTree, reference: PyTree) -> jax.Array:
    """‖θ − θ'‖ / ‖θ'‖ over all leaves."""

    def squares(tree: PyTree) -> jax.Array:
        return sum((jnp.square(leaf).sum() for leaf in jax.tree.leaves(tree)), jnp.zeros(()))

    difference = jax.tree.map(lambda a, b: a - b, params, reference)
    return jnp.sqrt(squares(difference) / squares(reference))
