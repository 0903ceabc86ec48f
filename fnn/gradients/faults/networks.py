"""Ten small networks that between them hold every layer, loss and combinator but `Ensemble`.

No bias stands in front of BatchNorm, where its gradient is zero and a mistake in it has no effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from fnn import activations as a
from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.layer import Tree
from fnn.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    Softmax,
)
from fnn.losses import L1, L2, BinaryCrossEntropy, CrossEntropy, Huber, Loss, Penalty
from fnn.objective import Batch, Objective, Policy
from fnn.shapes import shape_of

A = Activation
D = Dense


@dataclass(frozen=True)
class Network:
    """A network with its loss, and what it takes to draw a batch and parameters for it."""

    name: str
    net: Serial
    loss: Loss | str
    rows: int
    features: tuple[int, ...]
    outputs: tuple[int, ...]
    target: Literal["classes", "yes or no", "numbers"]
    penalties: tuple[Penalty, ...] = ()
    weighted: bool = False
    tokens: int | None = None
    """inputs are class numbers below this"""

    @property
    def objective(self) -> Objective:
        """What is differentiated, in float64."""
        return Objective(self.net, self.loss, self.penalties, Policy("float64"))  # type: ignore

    def batch(self, seed: int = 0) -> Batch:
        """Inputs, targets, and weights of which one is zero."""
        draw = np.random.default_rng([seed, 1])
        x: Any = draw.normal(size=(self.rows, *self.features))
        if self.tokens is not None:
            x = draw.integers(0, self.tokens, x.shape, dtype=np.int32)
        target: Any = draw.normal(size=(self.rows, *self.outputs))
        if self.target == "classes":
            target = draw.integers(0, self.outputs[-1], target.shape[:-1], dtype=np.int32)
        elif self.target == "yes or no":
            target = draw.integers(0, 2, target.shape, dtype=np.int32)
        weight: Any = None
        if self.weighted:
            weight = draw.uniform(0.5, 2, self.rows)
            weight[1] = 0
        return Batch(x, target, weight)

    def point(self, seed: int = 0) -> tuple[Tree, Tree]:
        """Parameters and state in general position: no zeros, no ones, nothing alike."""
        with jax.enable_x64(True):
            in_shape = shape_of(self.batch(seed).x)
            made = jax.eval_shape(lambda: self.objective.init(jax.random.key(0), in_shape))
        draw = np.random.default_rng([seed, 2])

        def fill(path: tuple[Any, ...], leaf: Any) -> np.ndarray:
            numbers = draw.normal(size=leaf.shape)
            name = path[-1].key
            if name == "weight":
                return numbers / math.sqrt(leaf.shape[-2])
            if name in ("scale", "variance", "weight_sum"):
                return np.exp(0.3 * numbers)
            return 0.3 * numbers

        params, state = jax.tree_util.tree_map_with_path(fill, made)
        return params, state


NETWORKS = (
    Network(
        "classifier",
        Serial(
            *(D(8), A("relu"), Dropout(0.3)),
            *(D(5), A(a.LeakyReLU(0.2))),
            *(D(5), A("relu"), D(3)),
        ),
        CrossEntropy(0.1),
        rows=7,
        features=(6,),
        outputs=(3,),
        target="classes",
        penalties=(L1(0.01), L2(0.1)),
        weighted=True,
    ),
    Network(
        "regressor",
        Serial(
            *(D(6, bias_init=None), BatchNorm(epsilon=1e-3), A(a.ELU(0.7))),
            *(D(6, bias_init=None), BatchNorm(), A("selu"), Dropout(0.2), D(2)),
        ),
        Huber(0.5),
        rows=9,
        features=(4,),
        outputs=(2,),
        target="numbers",
        penalties=(L2(0.05),),
    ),
    Network(
        "residual",
        Serial(
            D(6),
            Residual(Serial(LayerNorm(epsilon=1e-3), D(6), A("gelu"), Dropout(0.1), D(6))),
            Residual(Serial(D(4), A("tanh")), D(4)),
            Repeat(Serial(D(4), A("tanh")), 3, tied=True),
            Parallel(D(3), Serial(D(3), A("sigmoid")), join="concatenate"),
            D(2),
        ),
        BinaryCrossEntropy(0.2),
        rows=8,
        features=(5,),
        outputs=(2,),
        target="yes or no",
    ),
    Network(
        "tokens",
        Serial(Embedding(7, 3), Flatten(2), D(6), A("silu"), D(6), A("mish"), D(4)),
        CrossEntropy(0.05),
        rows=8,
        features=(5,),
        outputs=(4,),
        target="classes",
        weighted=True,
        tokens=7,
    ),
    Network(
        "probabilities",
        Serial(D(6), A("softplus"), LayerNorm(), D(6), A("selu"), D(4), Softmax()),
        "probability_cross_entropy",
        rows=6,
        features=(5,),
        outputs=(4,),
        target="classes",
        penalties=(L1(0.02),),
        weighted=True,
    ),
    Network(
        "sequence",
        Serial(
            *(D(5, bias_init=None), BatchNorm(), A(a.GELU("tanh"))),
            *(D(4), LayerNorm(2, 1e-3), A(a.LeakyReLU(0.1)), D(2)),
        ),
        "squared_error",
        rows=5,
        features=(3, 5),
        outputs=(3, 2),
        target="numbers",
        weighted=True,
    ),
    Network(
        "images",
        Serial(
            *(LayerNorm(2), Flatten(2), D(6), A("relu"), BatchNorm()),
            Repeat(Residual(Serial(LayerNorm(), D(6), A("gelu"))), 2),
            Parallel(D(3), Serial(D(3), A(a.ELU(0.5))), D(3)),
            D(1),
        ),
        "absolute_error",
        rows=8,
        features=(3, 4),
        outputs=(1,),
        target="numbers",
        penalties=(L2(0.2),),
    ),
    Network(
        "tied tokens",
        Serial(
            *(Embedding(5, 4), LayerNorm(), Repeat(Serial(D(4), A("silu")), 2, tied=True)),
            *(Flatten(2), Parallel(D(2), Serial(D(3), A("tanh")), join="concatenate")),
            *(D(2), A("sigmoid")),
        ),
        "probability_binary_cross_entropy",
        rows=9,
        features=(3,),
        outputs=(2,),
        target="yes or no",
        tokens=5,
    ),
    Network(
        "gates",
        Serial(
            Parallel(D(3), Serial(D(3), A("softplus")), D(2), join="concatenate"),
            Residual(Serial(D(4), A("mish"), D(5)), D(5, bias_init=None)),
            Softmax(),
            Repeat(Serial(D(5), A(a.GELU("tanh"))), 3),
            *(Dropout(0.4), D(1)),
        ),
        "binary_cross_entropy",
        rows=10,
        features=(6,),
        outputs=(1,),
        target="yes or no",
        penalties=(L1(0.005),),
    ),
    Network(
        "labels over time",
        Serial(
            *(D(4), A(a.ELU(1.5)), Dropout(0.25), Parallel(D(3), Serial(D(3), A("relu")))),
            *(Residual(Serial(LayerNorm(), D(3))), A("tanh"), BatchNorm(epsilon=1e-2), D(2)),
        ),
        Huber(0.8),
        rows=6,
        features=(2, 4),
        outputs=(2, 2),
        target="numbers",
        weighted=True,
    ),
)
