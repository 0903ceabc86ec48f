"""Random networks whose gradients are right: what an audit must never call WRONG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np

from experiments.audit_power.coverage.describe import describe, kind_name
from experiments.audit_power.coverage.kinds import (
    LOSSES,
    OTHER_LOSSES,
    Array,
    fitting_target,
    last_layers,
    pick,
)
from experiments.audit_power.coverage.layer_examples import with_example
from experiments.audit_power.coverage.random_layers import Axes, Draw, after, random_units, serial
from fnn.combinators import Ensemble, Serial
from fnn.layer import Layer
from fnn.layers import Dense, Embedding, Flatten
from fnn.losses import L1, L2, AbsoluteError, Huber, Loss, SquaredError
from fnn.objective import Batch, Objective
from fnn.shapes import shape_of

SHARE, STREAM = 0.25, 29
"""networks with a layer more, from the layers' own examples. It is drawn apart from the rest, so
that a network is otherwise the same with and without; this stream leaves those of
tests/test_coverage.py, which were false alarms, as they were."""
CLASSES = 4
"""of integer inputs"""
QUANTITIES = (SquaredError, AbsoluteError, Huber)


@dataclass(frozen=True)
class DrawnNetwork:
    """A network with its loss, and the batch that it is audited on."""

    objective: Objective
    batch: Batch
    in_shape: jax.ShapeDtypeStruct
    """of one example"""
    train: bool
    words: str


def random_network(seed: int) -> DrawnNetwork:
    """A network of every kind of layer, with any loss, on 1 to 16 examples.

    The same seed, the same network; nothing is compiled. Many are nasty, as a user's can be:

    - inputs all zero, which with biases of zero are the exact corners of ReLU and its kin;
    - inputs of size 1e3 or 1e-4, rows that are equal, columns that are constant;
    - weights that saturate sigmoids and leave units dead, weights that are all zero;
    - up to ten squashing layers in a row; a bias in front of BatchNorm;
    - BatchNorm on one row, where x̂ is 0 whatever came in, and nothing in front of it has a
      gradient; and on two, where it is nearly ±1, and the gradient is what cancels left over.
      Training meets both: the last batch of an epoch may be that short;
    - examples of weight zero, and batches of nothing else.
    """
    draw = np.random.default_rng(seed)
    loss = pick(draw, [*LOSSES.values(), *OTHER_LOSSES])
    style, x = random_input(draw)
    axes = x.shape[1:]
    first: tuple[Layer, ...] = ()
    if style == "classes":
        axes = (*axes, random_units(draw))
        first = (Embedding(CLASSES, axes[-1]),)
    body = random_layers(draw, axes, loss)
    if (chance := np.random.default_rng([seed, STREAM])).uniform() < SHARE:
        body = with_example(chance, body, axes)
    layers = Serial(*first, *body, *last_layers(loss))
    net = random_members(np.random.default_rng([seed, 1]), layers, loss)
    in_shape = shape_of(x)
    outputs = (len(x), *net.out_shape(in_shape).shape)
    target = fitting_target(draw, loss, outputs)
    weight = random_weight(draw, outputs[:-1])
    penalties = pick(draw, [(), (), (L1(0.01),), (L2(0.1),), (L1(0.01), L2(0.1))])
    train = bool(draw.integers(5))
    words = [describe(net), kind_name(loss), *map(kind_name, penalties), f"{style} {x.shape}"]
    words.append("training" if train else "evaluation")
    objective = Objective(net, loss, penalties)
    return DrawnNetwork(objective, Batch(x, target, weight), in_shape, train, ", ".join(words))


def random_layers(draw: Draw, axes: Axes, loss: Loss) -> list[Layer]:
    """Layers in front of a loss: a body, mostly a last Dense, axes joined or not."""
    layers = list(serial(draw, axes, depth=pick(draw, [1, 2, 2, 3])).layers)
    axes = after(Serial(*layers), axes)
    if len(axes) > 1 and draw.integers(2):
        layers.append(Flatten(len(axes)))
    if not (isinstance(loss, QUANTITIES) and draw.integers(4) == 0):
        layers.append(Dense(random_units(draw)))
    return layers


def random_members(draw: Draw, net: Layer, loss: Loss) -> Layer:
    """The network itself, or now and then up to three of them as an ensemble.

    They are drawn apart from the rest, so that a network is the same with and without.
    """
    if draw.uniform() > 0.1:
        return net
    averages: list[Literal["mean", "softmax", "sigmoid"]] = ["mean", "softmax", "sigmoid"]
    average = pick(draw, averages[: 1 if last_layers(loss) else 3])
    return Ensemble(net, int(draw.integers(1, 4)), average)


def random_input(draw: Draw) -> tuple[str, Array]:
    """1 to 16 examples of up to three axes, and what they are like."""
    rows, ndim = int(draw.integers(1, 17)), pick(draw, [1, 1, 2, 2, 3])
    x = draw.normal(size=(rows, *(random_units(draw) for _ in range(ndim))))
    styles = {
        "normal": x,
        "positive": abs(x),
        "binary": np.where(x > 0, 1.0, 0.0),
        "zero": np.zeros(x.shape),
        "large": 1e3 * x,
        "tiny": 1e-4 * x,
        "equal rows": x[draw.integers(0, 2, rows) % rows],
        "constant column": np.where(np.arange(x.shape[-1]) == 0, 1.0, x),
        "classes": draw.integers(0, CLASSES, x.shape[:3]),
    }
    chances = np.array([5, 2, 1, 1, 1, 1, 1, 1, 2])
    style = str(draw.choice([*styles], p=chances / chances.sum()))
    return style, styles[style]


def random_weight(draw: Draw, rows: Axes) -> Array | None:
    """Weights for examples, or for the positions in each; often none, some zero, rarely all."""
    weight = draw.uniform(0, 2, rows[: int(draw.integers(1, len(rows) + 1))])
    some = weight * draw.integers(0, 2, weight.shape)
    return pick(draw, [None] * 6 + [weight] * 3 + [some] * 2 + [0 * weight])
