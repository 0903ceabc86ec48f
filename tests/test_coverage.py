"""The covering design, the random networks, and whether their tables see what is wrong."""

from __future__ import annotations

import itertools
import json
from typing import Any

import jax
import numpy as np
import pytest

from experiments.audit_power.coverage import FACTORS, design, random_network, run
from experiments.audit_power.coverage.covering_array import covering_rows
from experiments.audit_power.coverage.kinds import every
from experiments.audit_power.coverage.random_network import DrawnNetwork
from fnn.activations import Elementwise
from fnn.audit import Leaf
from fnn.initializers import Initializer
from fnn.layer import Layer
from fnn.losses import Loss, Penalty
from fnn.networks import mlp
from fnn.objective import Batch, Objective
from fnn.shapes import shape
from fnn.spec import from_json, kinds, spec, to_json
from tests.test_gates import kinds_in

SEEDS = 200
DESIGN = design()
FAMILIES = (Layer, Elementwise, Loss, Penalty)


def kinds_of(*families: type) -> set[str]:
    """The kinds that a user finds in fnn's own rooms for layers, activations, losses."""
    rooms = ("fnn.layers", "fnn.combinators", "fnn.activations", "fnn.losses", "fnn.initializers")
    return {
        kind
        for kind, cls in kinds().items()
        if issubclass(cls, families) and cls.__module__.startswith(rooms)
    }


def used(drawn: DrawnNetwork) -> set[str]:
    return kinds_in(json.loads(to_json(drawn.objective)))


def value_shape(drawn: DrawnNetwork) -> tuple[int, ...]:
    """The shape of the objective's value, nothing compiled."""
    objective, key = drawn.objective, jax.random.key(0)

    def value(batch: Any) -> jax.Array:
        params, state = objective.init(key, drawn.in_shape)
        return objective.value(params, state, batch, train=drawn.train, key=key)[0]

    shape: tuple[int, ...] = jax.eval_shape(value, drawn.batch).shape
    return shape


def test_every_two_levels_stand_together() -> None:
    rows = [row for row, _ in DESIGN]
    for one, other in itertools.combinations(FACTORS, 2):
        together = {(row[one], row[other]) for row in rows}
        assert together == set(itertools.product(FACTORS[one], FACTORS[other])), (one, other)


def test_the_design_is_small_and_always_the_same() -> None:
    assert len(DESIGN) <= 150
    for (row, drawn), (again, other) in zip(DESIGN, design(), strict=True):
        assert row == again
        assert drawn.objective == other.objective
        jax.tree.map(np.testing.assert_array_equal, drawn.batch, other.batch)


@pytest.mark.parametrize("sizes", [(1,), (3, 1), (2, 2, 2), (5, 4, 3, 2), (4, 4, 4, 4, 4)])
def test_covering_rows_of_other_factors(sizes: tuple[int, ...]) -> None:
    """As few as there can be where the two largest factors are all that counts."""
    factors = {f"f{i}": [f"l{j}" for j in range(size)] for i, size in enumerate(sizes)}
    for seed in range(3):
        rows = covering_rows(factors, seed)
        for one, other in itertools.combinations(factors, 2):
            found = {(row[one], row[other]) for row in rows}
            assert found == set(itertools.product(factors[one], factors[other]))
        assert all(row.keys() == factors.keys() for row in rows)
    least = int(np.prod(sorted(sizes)[-2:])) if len(sizes) > 1 else 0
    assert least <= len(rows) <= 1.5 * least


def test_every_kind_is_in_the_design_in_each_mode() -> None:
    """So is what a row of the design says: its layer, activation, loss and combinator."""
    for mode in FACTORS["mode"]:
        seen = set().union(*(used(drawn) for row, drawn in DESIGN if row["mode"] == mode))
        assert kinds_of(*FAMILIES) <= seen
    for row, drawn in DESIGN:
        assert drawn.train == (row["mode"] == "training")
        for factor in ("layer", "activation", "loss", "combinator"):
            name = row[factor].replace(",", "").split(" ")[0]
            assert f"{name}.v1" in used(drawn), row


def test_the_designs_networks_fit_together() -> None:
    assert {value_shape(drawn) for _, drawn in DESIGN[::5]} == {()}


def test_random_networks_reach_every_kind() -> None:
    """From 200 seeds; nothing is compiled."""
    drawn = [random_network(seed) for seed in range(SEEDS)]
    assert kinds_of(*FAMILIES, Initializer) <= set().union(*map(used, drawn))
    rows = [len(network.batch.x) for network in drawn]
    assert (min(rows), max(rows)) == (1, 16)
    assert {network.train for network in drawn} == {True, False}
    assert len({network.words for network in drawn}) == SEEDS


def test_random_networks_are_right_and_the_same_again() -> None:
    for seed in range(0, SEEDS, 5):
        drawn = random_network(seed)
        assert value_shape(drawn) == (), drawn.words
        assert from_json(to_json(drawn.objective)) == drawn.objective
        again = random_network(seed)
        assert again.objective == drawn.objective
        jax.tree.map(np.testing.assert_array_equal, again.batch, drawn.batch)


def test_some_random_networks_are_nasty() -> None:
    drawn = [random_network(seed) for seed in range(SEEDS)]
    sizes = [np.abs(network.batch.x).max() for network in drawn]
    assert min(sizes) == 0
    assert max(sizes) > 1e3
    weights = [network.batch.weight for network in drawn if network.batch.weight is not None]
    assert any((weight == 0).any() and (weight > 0).any() for weight in weights)
    assert any((weight == 0).all() for weight in weights)
    single = [network for network in drawn if len(network.batch.x) == 1]
    assert any("batch_norm.v1" in used(network) for network in single)


def test_only_fnns_own_kinds_are_covered() -> None:
    assert "test_sloppy_tanh" not in every(Elementwise)
    assert {"step", "mish"} < set(every(Elementwise))


@spec("test_sloppy_tanh.v1")
class SloppyTanh(Elementwise):
    """Its derivative is the sigmoid's."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Any]:
        y = jax.numpy.tanh(x)
        return y, y

    def backward(self, tape: Any, dy: jax.Array) -> jax.Array:
        return dy * tape * (1 - tape)


def small(objective: Objective) -> DrawnNetwork:
    draw = np.random.default_rng(1)
    x, target = draw.normal(size=(4, 3)), draw.normal(size=(4, 2))
    return DrawnNetwork(objective, Batch(x, target), shape(3), True, "a small network")


RIGHT = small(Objective(mlp([3], 2, activation="tanh"), "squared_error"))
WRONG = small(Objective(mlp([3], 2, activation=SloppyTanh()), "squared_error"))
MISFIT = small(Objective(mlp([3], 5), "squared_error"))


def test_the_design_sees_a_planted_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network that has it is named, with its worst leaf, and the table is not ok."""
    rows = [row for row, _ in DESIGN[:2]]
    monkeypatch.setattr(run, "design", lambda seed: list(zip(rows, [RIGHT, WRONG], strict=True)))
    monkeypatch.setattr(run, "first_of_every_level", lambda rows: {0})
    told: list[Any] = []
    table = run.cover_pairs(progress=lambda *given: told.append(given))
    right, wrong = table.lines
    assert (right.ok, wrong.ok, table.ok) == (True, False, False)
    assert table.floors is not None
    assert right.worst < 64 < table.floors < wrong.worst
    assert (right.audit, wrong.audit) == ("5 PASS", "")
    assert told == [(1, 2, right), (2, 2, wrong)]
    assert table.totals["wrong"] == 1
    assert f"WRONG at {wrong.path}" in str(table)
    assert json.loads(table.to_json())["lines"][1]["path"] == wrong.path


@pytest.mark.parametrize(
    ("difference", "floor", "apart"),
    [(0.0, 0.0, 0), (1e-15, 0.0, np.inf), (np.nan, 1e-16, np.inf), (2e-16, 1e-16, 2)],
)
def test_units_of_the_floor(difference: float, floor: float, apart: float) -> None:
    assert run.floors_apart(Leaf("weight", difference, floor, True)) == apart


def test_false_alarms_and_errors_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is not right stands for a false alarm; one that does not fit, for a crash."""
    given = {4: WRONG, 5: MISFIT, 6: RIGHT}
    monkeypatch.setattr(run, "random_network", given.__getitem__)
    table = run.audit_random_networks(3, seed=3, start=1)
    alarm, error, right = table.lines
    assert right.ok and not table.ok
    assert "layers[0].weight WRONG" in alarm.wrong
    assert "ShapeError" in error.error
    assert [line.seed for line in table.lines] == [4, 5, 6]
    assert from_json(alarm.objective) == WRONG.objective
    totals = table.totals
    assert (totals["networks"], totals["false_alarms"], totals["errors"]) == (3, 1, 1)
    assert "1 false alarms, 1 errors" in str(table)
    assert json.loads(table.to_json())["totals"]["false_alarms"] == 1


@pytest.mark.parametrize("seed", [43, 137, 173, 215, 229, 260, 630])
def test_false_alarms_that_were(seed: int) -> None:
    """Saturated softmax, a staircase of a loss, biases before BatchNorm with inputs of zero."""
    found = run.audit_random_networks(1, "float64", start=seed)
    assert found.ok, str(found)
