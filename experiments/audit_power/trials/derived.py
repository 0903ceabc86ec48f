"""Small networks of layers that the hand-made ones lack, from the layers' own examples."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.audit_power.coverage.layer_examples import layer_examples, takes_integers
from experiments.audit_power.trials.network import TrialNetwork
from fnn.combinators import Serial
from fnn.layer import Layer
from fnn.layers import Activation, Dense

ROWS, INPUTS, OUTPUTS = 7, 5, 2


def derived_networks(known: set[type]) -> Iterator[TrialNetwork]:
    """A network for each example of a layer whose class is none of the known ones."""
    for example in layer_examples():
        if type(example.spec) in known:
            continue
        axes = example.in_shape.shape
        behind = example.spec.out_shape(example.in_shape).shape
        integers = takes_integers(example)
        front: tuple[Layer, ...] = () if integers else (Dense(axes[-1]), Activation("tanh"))
        yield TrialNetwork(
            example.name,
            Serial(*front, example.spec, Dense(OUTPUTS)),
            "squared_error",
            rows=ROWS,
            features=axes if integers else (*axes[:-1], INPUTS),
            outputs=(*behind[:-1], OUTPUTS),
            target="numbers",
            tokens=3 if integers else None,
        )
