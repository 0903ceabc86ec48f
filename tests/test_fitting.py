"""The front doors: what they share is declared once, and each has few arguments of its own."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields

import numpy as np
import pytest

import fnn
from fnn.optimizers import SGD
from fnn.search import bayes, halving
from fnn.spec import SpecError
from fnn.sweeps import Range, train_members
from fnn.sweeps.sweep import sweep_members
from fnn.training.fitting import Fitting, FittingOptions, MemberFitting, MemberOptions
from fnn.training.train import train_run

DOORS = [fnn.fit, fnn.ensemble, fnn.sweep, bayes, halving, train_run, train_members, sweep_members]
OWN = 10
"""arguments that a front door may have beside the shared ones"""
DATA = fnn.Batch(np.ones((4, 2), np.float32), np.arange(4, dtype=np.int32) % 2)
RUN = fnn.Run(fnn.Objective(fnn.Dense(2), "cross_entropy"), SGD(0.1), 2)
OVER = {"learning_rate": Range(0.1, 0.2)}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_front_door_has_few_arguments_of_its_own(door) -> None:
    parameters = inspect.signature(door).parameters.values()
    own = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    assert len(own) <= OWN, own
    assert len(own) < len(parameters), "the shared ones are taken as options"
    assert not set(own) & set(MemberOptions.__annotations__), "declared once"


@pytest.mark.parametrize(
    ("value", "options"), [(Fitting, FittingOptions), (MemberFitting, MemberOptions)]
)
def test_the_value_has_a_field_for_each_option(value, options) -> None:
    names = [field.name for field in fields(value)]
    assert names[:3] == ["run", "rows", "validation"]
    assert set(names[3:]) == set(options.__annotations__)
    required = [one.name for one in fields(value)[3:] if one.default is MISSING]
    assert required == ["epochs"]


@pytest.mark.parametrize(
    "call",
    [
        lambda **options: fnn.fit(RUN, DATA, **options),
        lambda **options: fnn.sweep(RUN, DATA, over={"seed": [1]}, **options),
        lambda **options: fnn.ensemble(RUN, DATA, **options),
        lambda **options: bayes(RUN, DATA, DATA, over=OVER, **options),
        lambda **options: halving(RUN, DATA, DATA, over=OVER, draws=2, **options),
    ],
    ids=["fit", "sweep", "ensemble", "bayes", "halving"],
)
def test_wrong_options_are_said_before_anything_is_trained(call) -> None:
    with pytest.raises(TypeError, match="epochs"):
        call()
    with pytest.raises(TypeError, match="epoch"):
        call(epochs=1, epoch=2)
    with pytest.raises(SpecError, match="at least 1 epoch, got 0"):
        call(epochs=0)
    with pytest.raises(SpecError, match=r"order_seed: .*got -1"):
        call(epochs=1, order_seed=-1)
    with pytest.raises(SpecError, match="stop: expected a function without arguments, got 3"):
        call(epochs=1, stop=3)
    with pytest.raises(SpecError, match="loggers: expected a sequence of functions"):
        call(epochs=1, loggers=print)


def test_a_single_run_has_no_use_for_memory() -> None:
    with pytest.raises(TypeError, match="memory"):
        fnn.fit(RUN, DATA, epochs=1, memory="1GB")  # type: ignore[call-arg]
