"""Which programs are compared: over width, depth, batch and kinds of layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm, Repeat, Serial, Softmax
from fnn.activations import GELU
from fnn.gradients import METHODS
from fnn.losses import CrossEntropy

CLASSES = 10

KINDS: dict[str, tuple[Layer, ...]] = {
    "relu": (Activation("relu"),),
    "tanh": (Activation("tanh"),),
    "GELU, exact": (Activation("gelu"),),
    "GELU, tanh": (Activation(GELU("tanh")),),
    "BatchNorm, relu": (BatchNorm(), Activation("relu")),
    "LayerNorm, relu": (LayerNorm(), Activation("relu")),
    "relu, dropout": (Activation("relu"), Dropout(0.2)),
    "softmax": (Softmax(),),
}
"""what follows each Dense"""

SCAN = " in one scan"
"""the end of an axis' name where the layers are a `Repeat`"""


@dataclass(frozen=True)
class Program:
    """`depth` blocks of Dense and a kind, one after another or as one scan, and a last Dense."""

    axis: str
    value: int | str
    """where it stands on its axis: a width, a depth, a batch size or a kind"""
    width: int
    depth: int
    batch: int
    kind: str = "relu"

    @property
    def name(self) -> str:
        """`width 64`, `kind in one scan softmax`."""
        return f"{self.axis} {self.value}"

    @property
    def repeated(self) -> bool:
        """Whether the blocks are one scan."""
        return self.axis.endswith(SCAN)

    @property
    def net(self) -> Serial:
        """The network, on inputs of its width."""
        block = (Dense(self.width), *KINDS[self.kind])
        if self.repeated:
            return Serial(Repeat(Serial(*block), self.depth), Dense(CLASSES))
        return Serial(*block * self.depth, Dense(CLASSES))

    def arguments(self) -> tuple[Any, ...]:
        """An objective, its parameters and state, a batch of noise, and a key."""
        objective = fnn.numbers(fnn.Objective(self.net, CrossEntropy()))
        key = jax.random.key(0)
        draw = np.random.default_rng(0)
        x = draw.standard_normal((self.batch, self.width), np.float32)
        target = draw.integers(0, CLASSES, self.batch, np.int32)
        batch = fnn.Batch(jnp.asarray(x), jnp.asarray(target))
        return objective, *objective.init(key, fnn.shape(self.width)), batch, key


def gradient(method: str) -> Callable[..., Any]:
    """(objective, params, state, batch, key) -> (value, aux), grads: a new function at each call.

    JAX keeps what it has traced by function, so that only a new one is lowered anew.
    """

    def run(objective: Any, params: Any, state: Any, batch: Any, key: jax.Array) -> Any:
        return METHODS[method](objective)(params, state, batch, key=key)

    return run


def programs(quick: bool = False) -> list[Program]:
    """All of them, or the few that a quick look takes."""
    widths, depths, sizes, kinds = [256], [8], [1], ["GELU, exact"]
    if not quick:
        widths, depths = [32, 64, 128, 256, 512, 1024], [1, 2, 4, 8, 16, 32]
        sizes, kinds = [1, 4, 16, 64, 256, 1024], list(KINDS)
    result = [Program("width", width, width, 2, 128) for width in widths]
    result += [Program("batch", size, 128, 2, size) for size in sizes]
    for end in ("", SCAN):
        result += [Program(f"depth{end}", depth, 64, depth, 64) for depth in depths]
        result += [Program(f"kind{end}", kind, 128, 8, 128, kind) for kind in kinds]
    return result
