"""Networks in which every two of what can be combined stand together at least once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.audit_power.coverage.covering_array import Row, covering_rows
from experiments.audit_power.coverage.describe import describe
from experiments.audit_power.coverage.kinds import (
    ACTIVATIONS,
    LOSSES,
    Array,
    fitting_target,
    last_layers,
)
from experiments.audit_power.coverage.layer_examples import covered_examples, takes_integers
from experiments.audit_power.coverage.random_layers import Draw
from experiments.audit_power.coverage.random_network import DrawnNetwork
from fnn.combinators import Ensemble, Parallel, Repeat, Residual, Serial
from fnn.initializers import Normal
from fnn.layer import Layer
from fnn.layers import (
    Activation,
    Dense,
)
from fnn.losses import L1, L2, Penalty
from fnn.objective import Batch, Objective
from fnn.shapes import shape

ROWS, INPUTS, OUTPUTS, CLASSES = 7, 3, 3, 3
"""no 2: two features standardized are ±1, whatever they were"""
BIAS = Normal(0.5)

LAYERS = covered_examples()


def _side_by_side(inner: Layer, beside: Layer) -> Layer:
    """Of different widths."""
    return Parallel(inner, Serial(beside, Dense(2)), join="concatenate")


COMBINATORS: dict[str, Callable[[Layer, Layer], Layer]] = {
    "serial": lambda inner, beside: inner,
    "residual": lambda inner, beside: Residual(inner),
    "residual with a shortcut": lambda inner, beside: Residual(inner, beside),
    "parallel sum": lambda inner, beside: Parallel(inner, beside),
    "parallel side by side": _side_by_side,
    "repeat": lambda inner, beside: Repeat(inner, 3),
    "repeat tied": lambda inner, beside: Repeat(inner, 3, tied=True),
    "ensemble, mean": lambda inner, beside: Ensemble(inner, 3),
    "ensemble, softmax": lambda inner, beside: Ensemble(inner, 2, "softmax"),
    "ensemble, sigmoid": lambda inner, beside: Ensemble(inner, 2, "sigmoid"),
}
KEEPING = {"residual", "repeat", "repeat tied"}
"""combinators whose inner layer must give back the shape that it was given"""
PENALTIES: dict[str, tuple[Penalty, ...]] = {"none": (), "l1": (L1(0.01),), "l2": (L2(0.1),)}

FACTORS = {
    "layer": tuple(LAYERS),
    "activation": tuple(ACTIVATIONS),
    "loss": tuple(LOSSES),
    "combinator": tuple(COMBINATORS),
    "mode": ("training", "evaluation"),
    "penalty": tuple(PENALTIES),
    "weights": ("none", "given", "some zero"),
}


def design(seed: int = 0) -> list[tuple[Row, DrawnNetwork]]:
    """A network for each row of a pairwise covering array over `FACTORS`, which is held beside it.

    Where a pair can't be had one inside the other, because a combinator keeps its input's shape,
    both are still in the network: Embedding stands in front of it, and Flatten joins one axis.
    """
    return [
        (row, network_of(row, np.random.default_rng([seed, number])))
        for number, row in enumerate(covering_rows(FACTORS, seed))
    ]


def network_of(row: Row, draw: Draw) -> DrawnNetwork:
    """The combinator around the activation and the layer, then Dense and the loss.

    The activation stands in front of the layer, so that the layer's own gradient is seen even
    under Step, which lets none through.
    """
    loss, example = LOSSES[row["loss"]], LAYERS[row["layer"]]
    body = _body(row)
    net = Serial(*body, Dense(OUTPUTS, bias_init=BIAS), *last_layers(loss))
    axes = example.in_shape.shape
    x: Array = draw.normal(size=(ROWS, *axes[:-1], INPUTS))
    if takes_integers(example):
        x = draw.integers(0, CLASSES, (ROWS, *axes))
    in_shape = shape(*x.shape[1:], dtype=x.dtype)
    target = fitting_target(draw, loss, (ROWS, *net.out_shape(in_shape).shape))
    weight: Array = draw.uniform(0.5, 2, ROWS)
    if row["weights"] == "some zero":
        weight[::3] = 0
    return DrawnNetwork(
        Objective(net, loss, PENALTIES[row["penalty"]]),
        Batch(x, target, None if row["weights"] == "none" else weight),
        in_shape,
        row["mode"] == "training",
        f"{describe(body[-1])}, {row['loss']}, {row['mode']}",
    )


def _body(row: Row) -> tuple[Layer, ...]:
    """The layer and the activation in the combinator, behind a Dense layer of their own."""
    example = LAYERS[row["layer"]]
    function, layer = Activation(ACTIVATIONS[row["activation"]]), example.spec
    combine, keeps = COMBINATORS[row["combinator"]], row["combinator"] in KEEPING
    axes = example.in_shape.shape
    behind = layer.out_shape(example.in_shape).shape
    after = Dense(behind[-1], bias_init=BIAS)
    if takes_integers(example):
        if keeps:
            return layer, combine(Serial(function, after), after)
        return (combine(Serial(layer, function), layer),)
    first = Dense(axes[-1], bias_init=BIAS)
    if len(behind) != len(axes):
        if keeps:
            return first, layer, combine(Serial(function, after), after)
        return first, combine(Serial(function, layer), Serial(layer, after))
    if keeps and behind != axes:
        return first, combine(Serial(function, layer, first), first)
    return first, combine(Serial(function, layer), after)
