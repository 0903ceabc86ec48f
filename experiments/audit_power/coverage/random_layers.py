"""Random layers that fit an input: every kind, nested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from experiments.audit_power.coverage.kinds import (
    ACTIVATIONS,
    BIASES,
    OTHER_SLOPES,
    SATURATING,
    STILL,
    WEIGHTS,
    pick,
)
from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.layer import Layer
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm, Softmax
from fnn.shapes import shape

Axes = tuple[int, ...]
Keep = Literal["shape", "rank"] | None
"""what must be the same behind a layer as in front of it"""

Draw = np.random.Generator


def after(layer: Layer, axes: Axes) -> Axes:
    """The axes behind a layer."""
    return tuple(layer.out_shape(shape(*axes)).shape)


def random_units(draw: Draw) -> int:
    """A width: mostly 2 to 5; one alone is a constant to LayerNorm and Softmax."""
    return int(draw.choice([1, 2, 3, 4, 5, 6], p=[0.06, 0.19, 0.25, 0.25, 0.19, 0.06]))


def random_layer(draw: Draw, axes: Axes, depth: int, keep: Keep = None) -> Layer:
    """A layer for inputs of those axes, nested at most `depth` deep."""
    kinds: list[Callable[[Draw, Axes, int, Keep], Layer]] = [
        dense,
        elementwise,
        elementwise,
        normalization,
    ]
    if depth:
        kinds = [*kinds, *([serial, residual, parallel, repeat] * depth), stack, biased]
    if keep is None and len(axes) > 1:
        kinds.append(flatten)
    return pick(draw, kinds)(draw, axes, depth, keep)


def dense(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """A Dense layer; one in eight saturates what follows, one in twenty is all zero."""
    units = axes[-1] if keep == "shape" else random_units(draw)
    chance = draw.uniform()
    weight = SATURATING if chance < 0.12 else STILL if chance < 0.17 else pick(draw, WEIGHTS)
    return Dense(units, weight, pick(draw, BIASES))


def elementwise(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """An activation, or Dropout."""
    functions = (*ACTIVATIONS.values(), *OTHER_SLOPES)
    return pick(draw, [*map(Activation, functions), *map(Dropout, (0.0, 0.3, 0.5, 0.9))])


def normalization(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """BatchNorm, LayerNorm or Softmax."""
    epsilon = pick(draw, [1e-5, 1e-3, 1e-2])
    batch = BatchNorm(pick(draw, [0.0, 0.9]), epsilon)
    return pick(draw, [batch, LayerNorm(int(draw.integers(1, len(axes) + 1)), epsilon), Softmax()])


def flatten(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """Some of the last axes joined."""
    return Flatten(int(draw.integers(1, len(axes) + 1)))


def serial(draw: Draw, axes: Axes, depth: int, keep: Keep = None) -> Serial:
    """Two or three layers, and a last one where the shape must be as before."""
    layers, inside = [], axes
    for _ in range(draw.integers(2, 4)):
        layers.append(random_layer(draw, inside, depth - 1, "rank" if keep else None))
        inside = after(layers[-1], inside)
    if keep == "shape" and inside != axes:
        layers.append(Dense(axes[-1]))
    return Serial(*layers)


def residual(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """A layer and the input itself, or a shortcut of its own."""
    if keep == "shape" or draw.integers(2):
        return Residual(random_layer(draw, axes, depth - 1, "shape"))
    inner = random_layer(draw, axes, depth - 1, keep)
    result = after(inner, axes)
    same_rank = len(result) == len(axes)
    return Residual(inner, Dense(result[-1], bias_init=None) if same_rank else inner)


def parallel(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """Two or three branches, summed or side by side."""
    joins: list[Literal["sum", "concatenate"]] = ["sum", "concatenate"]
    join = "sum" if keep == "shape" else pick(draw, joins)
    same: Keep = "shape" if join == "sum" else "rank"
    branches = [random_layer(draw, axes, depth - 1, same) for _ in range(draw.integers(2, 4))]
    return Parallel(*branches, join=join)


def repeat(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """One to three times the same layer, tied or not."""
    inner = random_layer(draw, axes, depth - 1, "shape")
    return Repeat(inner, int(draw.integers(1, 4)), bool(draw.integers(2)))


def stack(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """Many squashing layers, which let little of a gradient through."""
    inner = Serial(Dense(axes[-1]), Activation(pick(draw, ["sigmoid", "tanh"])))
    return Repeat(inner, int(draw.integers(4, 11)), bool(draw.integers(2)))


def biased(draw: Draw, axes: Axes, depth: int, keep: Keep) -> Layer:
    """A bias in front of BatchNorm, whose gradient is zero by structure."""
    return Serial(Dense(axes[-1], bias_init=pick(draw, [STILL, SATURATING])), BatchNorm())
