"""Successive halving: the right ones go, and those that stay are what they would have been."""

from __future__ import annotations

import signal

import chex
import numpy as np
import pytest

import fnn
from fnn.optimizers import SGD
from fnn.search import halving
from fnn.search.halving import ladder
from fnn.spec import SpecError
from fnn.sweeps import Range, batch
from fnn.sweeps.program import Program
from fnn.training import Selection
from tests.cases import random_like

ROWS = 23
X = np.asarray(random_like(fnn.shape(ROWS, 4), 1))
DATA = fnn.Batch(X, np.arange(ROWS, dtype=np.int32) % 3)
OTHER = fnn.Batch(np.asarray(random_like(fnn.shape(9, 4), 2)), np.arange(9, dtype=np.int32) % 3)
NET = fnn.mlp((4,), 3, activation="leaky_relu", dropout=0.1)
OBJECTIVE = fnn.Objective(NET, "cross_entropy", policy=fnn.Policy("float64"))
RUN = fnn.Run(OBJECTIVE, SGD(0.1), 5, selection=Selection("loss"))
OVER = {"learning_rate": Range(1e-3, 1.0, log=True), "rate": Range(0.0, 0.5)}


def search(run=RUN, over=OVER, draws: int = 9, epochs: int = 9, **options):
    return halving(run, DATA, OTHER, over=over, draws=draws, epochs=epochs, keep=None, **options)


def check_alone(outcome, epochs: int) -> None:
    """A member is the lone run, as far as it came."""
    member = outcome.member
    lone = fnn.fit(member.run, DATA, OTHER, epochs=epochs, seed=member.seed)
    assert outcome.epochs == epochs
    for name, values in lone.history.items():
        np.testing.assert_allclose(outcome.history[name], values, rtol=1e-12, atol=1e-12)
    chex.assert_trees_all_close(outcome.params, lone.params, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("moved", [False, True])
def test_survivors_are_the_lone_runs(monkeypatch, moved: bool) -> None:
    """Whether they move to smaller programs or not; and so are those that were let go."""
    sizes = []
    monkeypatch.setattr(batch, "COMPILING", 0.0 if moved else 1e9)
    monkeypatch.setattr(batch, "Program", lambda *a: sizes.append(a[1]) or Program(*a))
    events = []
    made = search(loggers=[events.append])
    assert made.rungs == [event.rung for event in events]
    assert [event.share for event in events] == [1 / 9, 3 / 9, 1]
    assert [rung[:4] for rung in made.rungs] == [(1, 9, 0, 3), (3, 3, 0, 1), (9, 1, 0, 1)]
    assert sizes[-2:] == [3, 1] if moved else set(sizes) == {9}
    for index in {made.best().members[0].index, *range(0, 9, 4)}:
        check_alone(made.outcomes[index], made.outcomes[index].epochs)
    assert made.spent == 9 * 1 + 3 * 2 + 1 * 6 == sum(o.epochs for o in made.outcomes)
    assert made.wasted == pytest.approx(0 if moved else 1 - made.spent / 81)
    assert [o.status for o in made.outcomes].count("retired") == 8


def test_the_best_stay() -> None:
    made = search()
    for rung in made.rungs[:-1]:
        reached = [o for o in made.outcomes if o.epochs >= rung.epochs]
        so_far = {o.index: np.min(o.history["validation_loss"][: rung.epochs]) for o in reached}
        stay = {o.index for o in reached if o.epochs > rung.epochs}
        assert stay == set(sorted(so_far, key=so_far.get)[: rung.kept])
        assert rung.best == min(so_far.values())
        assert rung.bar == max(so_far[index] for index in stay)
    (best,) = [o for o in made.outcomes if o.status == "finished"]
    assert made.best().members == [best]
    assert made.frame()["status"].value_counts().to_dict() == {"retired": 8, "finished": 1}
    again = search()
    assert again.rungs == made.rungs


def test_who_diverged_goes_first_and_structures_are_compared() -> None:
    over = {"learning_rate": [0.1, 0.2, 1e160], "function": ["leaky_relu", "identity"]}
    made = halving(RUN, DATA, OTHER, over=over, draws=9, epochs=4, eta=2, keep=1)
    assert made.rungs[0].diverged > 0
    lost = [o for o in made.outcomes if o.status == "diverged"]
    assert len(lost) == made.rungs[0].diverged
    assert all(outcome.epochs == 1 for outcome in lost)
    kept = [outcome for outcome in made.outcomes if outcome.params is not None]
    assert [outcome.index for outcome in kept] == [made.best().members[0].index]


def test_all_diverge() -> None:
    made = search(over={"learning_rate": [1e160, 1e170], "rate": [0.1]})
    assert {outcome.status for outcome in made.outcomes} == {"diverged"}
    with pytest.raises(SpecError, match="no member has a finite validation_loss"):
        made.best()


def test_higher_may_be_better() -> None:
    made = search(metric="accuracy", rungs=[2])
    assert made.metric == "validation_accuracy"
    assert [rung.epochs for rung in made.rungs] == [2, 9]
    scores = []
    for outcome in made.outcomes:
        kept = np.argmin(outcome.history["validation_loss"][:2])
        scores.append(outcome.history["validation_accuracy"][kept])
    assert made.rungs[0].best == max(scores)
    assert made.rungs[0].bar == sorted(scores)[-3]


def test_it_can_be_interrupted() -> None:
    events = []
    made = search(loggers=[events.append], stop=lambda: signal.SIGINT if events else 0)
    assert made.interrupted == signal.SIGINT
    assert [rung.epochs for rung in made.rungs] == [1]
    assert [o.status for o in made.outcomes].count("retired") == 6


@pytest.mark.parametrize(
    ("draws", "epochs", "options", "rungs"),
    [
        (27, 27, {}, [(1, 27), (3, 9), (9, 3), (27, 1)]),
        (81, 9, {}, [(1, 81), (3, 27), (9, 9)]),
        (9, 100, {}, [(11, 9), (33, 3), (100, 1)]),
        (16, 16, {"eta": 4}, [(1, 16), (4, 4), (16, 1)]),
        (27, 27, {"least": 5}, [(9, 27), (27, 9)]),
        (2, 9, {}, [(9, 2)]),
        (1, 9, {}, [(9, 1)]),
        (10, 9, {"rungs": [2, 4]}, [(2, 10), (4, 3), (9, 1)]),
        (10, 9, {"rungs": [2, 9]}, [(2, 10), (9, 3)]),
    ],
)
def test_ladder(draws: int, epochs: int, options, rungs) -> None:
    assert ladder(draws, epochs, **options) == rungs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"over": {}}, "over: expected an axis"),
        ({"draws": 0}, "draws: expected a whole number from 1 up, got 0"),
        ({"epochs": 0}, "expected at least 1 epoch"),
        ({"eta": 1}, "eta: expected a whole number from 2 up, got 1"),
        ({"eta": 2.5}, "eta: expected a whole number from 2 up, got 2.5"),
        ({"rungs": [3, 2]}, r"rungs: expected epochs that rise from 1 .* got \[3, 2\]"),
        ({"rungs": [0, 2]}, "rungs: expected epochs that rise"),
        ({"rungs": [10]}, "rungs: expected epochs that rise"),
        ({"memory": 100}, "memory: 9 members need about .* 100 B may be used: take fewer$"),
        ({"memory": 6000}, "memory: one member needs about"),
        ({"metric": "acuracy"}, "metric: 'acuracy' is not measured.*validation_accuracy"),
    ],
)
def test_bad_input(options, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        search(**options)


def test_needs_validation() -> None:
    with pytest.raises(SpecError, match="validation: none are there"):
        halving(fnn.replace(RUN, selection=None), DATA, over=OVER, draws=9, epochs=9)
