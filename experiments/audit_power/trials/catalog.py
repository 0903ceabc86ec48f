"""Small networks that between them hold every layer, loss and combinator.

Twelve are made by hand; what they lack is derived from the layers' own examples.

No bias stands in front of BatchNorm, where its gradient is zero and a mistake in it has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable

import jax

from experiments.audit_power.mutations.fault import walk
from experiments.audit_power.trials.derived import derived_networks
from experiments.audit_power.trials.network import TrialNetwork
from fnn import activations as a
from fnn.combinators import Ensemble, Parallel, Repeat, Residual, Serial
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
from fnn.losses import L1, L2, BinaryCrossEntropy, CrossEntropy, Huber

A = Activation
D = Dense


HAND_MADE = (
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
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
    TrialNetwork(
        "members of classes",
        Serial(
            *(Ensemble(Serial(D(5), A("tanh")), 3), LayerNorm()),
            Ensemble(Serial(D(4), A("gelu"), D(3)), 4, "softmax"),
        ),
        CrossEntropy(0.1),
        rows=8,
        features=(4,),
        outputs=(3,),
        target="classes",
        weighted=True,
    ),
    TrialNetwork(
        "members of labels",
        Serial(
            *(D(4), A("silu"), Ensemble(Serial(D(4), A("mish"), D(3)), 4)),
            *(A("softplus"), Ensemble(D(2), 3, "sigmoid")),
        ),
        "binary_cross_entropy",
        rows=7,
        features=(5,),
        outputs=(2,),
        target="yes or no",
        penalties=(L2(0.02),),
    ),
)


def _kinds(networks: Iterable[TrialNetwork]) -> set[type]:
    """The classes of all that is in them."""
    with jax.enable_x64(True):
        return {
            type(site.node)
            for network in networks
            for site in walk(network.objective, network.batch())
        }


NETWORKS: tuple[TrialNetwork, ...] = (*HAND_MADE, *derived_networks(_kinds(HAND_MADE)))
