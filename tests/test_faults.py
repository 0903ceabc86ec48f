"""Planted faults: values stay right, gradients do not, and nothing else shows that they are there.

How many of them an audit catches is `experiments/audit_power/plant_faults.py`.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.audit_power.coverage.layer_examples import layer_examples
from experiments.audit_power.mutations import CATALOG, Fault, exchange
from experiments.audit_power.mutations.fault import fault, walk
from experiments.audit_power.mutations.inject import FaultyLayer, correct_cotangent
from experiments.audit_power.trials.catalog import NETWORKS
from experiments.audit_power.trials.network import TrialNetwork
from experiments.audit_power.trials.run import run_trials, sample_sites, select_faults
from experiments.audit_power.trials.table import Control, FaultTable, Trial
from fnn.gradients import automatic, manual
from fnn.layers import Dense
from fnn.objective import Objective
from fnn.shapes import shape_of
from fnn.spec import FnnError, named_leaves, numbers

KEY = jax.random.key(3, impl="unsafe_rbg")
VISIBLE = 1e-9
"""the smallest change that counts, of a leaf's largest element"""
BY_NAME = {fault.name: fault for fault in CATALOG}
NETWORK = {network.name: network for network in NETWORKS}
every_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)


@functools.cache
def planted() -> list[tuple[Fault, TrialNetwork, str]]:
    """Each fault at one place."""
    return [(fault, *place) for fault in CATALOG for place in sample_sites(fault, seed=0, count=1)]


def test_the_catalog() -> None:
    """Many faults, no two of one name, each told in a line, and each can be made somewhere."""
    assert len(CATALOG) >= 144
    assert len(BY_NAME) == len(CATALOG)
    assert all(fault.words and fault.diagnosis for fault in CATALOG)
    assert len(planted()) == len(CATALOG)
    spread = Counter(len({place[0].name for place in sample_sites(f, 0, 99)}) for f in CATALOG)
    assert spread[1] <= 5, "faults that one network alone offers a place for"


def test_every_kind_of_layer_has_faults_and_a_network() -> None:
    """Those that no file is about have the general ones, in networks of their own examples."""
    kinds = {type(example.spec) for example in layer_examples()}
    assert kinds <= {cls for fault in CATALOG for cls in fault.family}
    with jax.enable_x64(True):
        used = {type(site.node) for n in NETWORKS for site in walk(n.objective, n.batch())}
    assert kinds <= used


def by_hand(objective: Any, params: Any, state: Any, batch: Any) -> Any:
    value, grads, dx = manual.backpropagate(objective, params, state, batch, train=True, key=KEY)
    return value, named_leaves({"params": grads, "input": dx})


@every_network
def test_every_fault_changes_a_gradient_and_no_value(network: TrialNetwork) -> None:
    """Against `jax.grad`, which the network's own backward pass equals."""
    objective, batch, (params, state) = network.objective, network.batch(), network.point()
    here = [(fault, path) for fault, other, path in planted() if other is network]

    @jax.jit
    def run(*point: Any) -> Any:
        claims = [by_hand(fault.inject(objective, path), *point) for fault, path in here]
        differentiate = automatic.value_and_grad(objective)
        return by_hand(objective, *point), claims, differentiate(*point, key=KEY)[1]

    point = jax.tree.map(jnp.asarray, (params, state, batch))
    (value, right), claims, grads = jax.device_get(run(*point))
    largest = max(np.abs(leaf).max() for leaf in right.values())
    for path, leaf in named_leaves({"params": grads}).items():
        np.testing.assert_allclose(right[path], leaf, rtol=1e-12, atol=1e-12 * largest)
    for (mistake, path), (claimed_value, claimed) in zip(here, claims, strict=True):
        assert jax.tree.all(jax.tree.map(np.array_equal, claimed_value, value)), mistake.name
        assert {k: v.shape for k, v in claimed.items()} == {k: v.shape for k, v in right.items()}
        changes = [
            np.nan_to_num(np.abs(claimed[name] - leaf), nan=np.inf).max() / np.abs(leaf).max()
            for name, leaf in right.items()
            if np.abs(leaf).max() > 1e-12 * largest
        ]
        assert max(changes) > VISIBLE, f"{mistake.name} at {path}"


@pytest.mark.parametrize("name", ["tied tokens", "gates"])
def test_a_planted_node_is_transparent(name: str) -> None:
    """Paths, leaves, shapes, children and parameters are those of what it wraps, at every node."""
    network = NETWORK[name]
    objective, batch = network.objective, network.batch()
    in_shape = shape_of(batch.x)
    paths = list(named_leaves(objective))
    for site in walk(objective, batch):
        made = fault_in(type(site.node)).inject(objective, site.path)
        assert list(named_leaves(made)) == paths
        assert jax.tree.leaves(made) == jax.tree.leaves(objective)
        assert [other.path for other in walk(made, batch)] == [
            other.path for other in walk(objective, batch)
        ]
        leaves, structure = jax.tree.flatten(numbers(made))
        again = jax.tree.unflatten(structure, leaves)
        assert jax.tree.structure(again) == structure
        assert hash(structure) == hash(jax.tree.structure(numbers(made)))
        assert structure != jax.tree.structure(objective)
        assert "Planted(" in repr(made)
    drawn = (jax.eval_shape(lambda o=o: o.init(KEY, in_shape)) for o in (made, objective))
    assert len({str(shapes) for shapes in drawn}) == 1


def fault_in(kind: type) -> Fault:
    """A mistake that can be planted in anything of this class."""
    return fault(kind, leaf=(), diagnosis=())(correct_cotangent)


def test_children_of_a_planted_combinator_can_be_exchanged() -> None:
    """As an audit does, to ask a combinator about its own mistakes alone."""
    objective = NETWORK["gates"].objective
    made = BY_NAME["branch dropped"].inject(objective, "net.layers[0]")
    exchanged = exchange(made, "net.layers[0].branches[1].layers[0]", lambda layer: Dense(4))
    planted = exchanged.net.layers[0]
    assert isinstance(planted, FaultyLayer)
    assert planted.inner.branches[1].layers[0] == Dense(4)
    assert planted.faulty_backward is made.net.layers[0].faulty_backward
    with pytest.raises(KeyError, match="nowhere"):
        exchange(objective, "net.nowhere", lambda layer: layer)


def test_a_planted_objective_is_an_argument_of_jit() -> None:
    """Other numbers and an equal plant share a program, another mistake does not."""
    traces = 0

    @jax.jit
    def value(objective: Any, params: Any, state: Any, batch: Any) -> Any:
        nonlocal traces
        traces += 1
        return by_hand(objective, params, state, batch)[0][0]

    network = NETWORK["probabilities"]
    point = (*network.point(), network.batch())
    objective = network.objective
    for name, count in (
        ("two elements exchanged", 1),
        ("two elements exchanged", 1),
        ("sign of one element", 2),
    ):
        made = BY_NAME[name].inject(objective, "net.layers[0]")
        value(numbers(made), *point)
        value(numbers(jax.tree.map(lambda leaf: 0.5 * leaf, made)), *point)
        assert traces == count


def test_one_fault_through_the_audit() -> None:
    """Planted, caught, named and diagnosed; the right network passes."""
    told: list[tuple[int, int]] = []
    table = run_trials(
        only="bias gradient forgotten", sites=1, progress=lambda *a: told.append(a[:2])
    )
    (row,) = table.rows
    assert (row.planted, row.caught, row.named, row.diagnosed) == (1, 1, 1, 1), table
    assert told == [(1, 2), (2, 2)]
    assert table.ok
    assert table.false_alarms == 0


def test_mistakes_along_the_axis_of_members_are_named() -> None:
    """Also that of one member alone, and one that divides by their number."""
    for only, words in (
        ("input of one member", "a term is missing: the gradient of number 0 of net.layers["),
        ("inputs of members averaged", "÷ M, the number of members,"),
        ("members gradients summed", "the sum over axis 0, broadcast"),
    ):
        (row,) = run_trials(only=only, sites=1).trials
        assert row.caught and row.named and row.diagnosed and row.subject == "ensemble"
        assert row.words.startswith(words)


def test_faults_are_chosen_by_subject_or_name() -> None:
    assert {fault.subject for fault in select_faults("dropout")} == {"dropout"}
    assert [fault.name for fault in select_faults("two_forgotten")] == ["two forgotten"]
    assert select_faults(None) == CATALOG
    with pytest.raises(FnnError, match="no fault is called 'dropuot'; did you mean 'dropout'"):
        run_trials(only="dropuot")


TRIAL = Trial("a", "dense", "gates", "net.layers[0]", True, True, True, "× 2", 0.5)


@pytest.mark.parametrize(
    ("trials", "alarm", "ok"),
    [
        ([TRIAL] * 20, False, True),
        ([TRIAL] * 20, True, False),
        ([*[TRIAL] * 99, replace(TRIAL, caught=False)], False, False),
        ([*[TRIAL] * 19, replace(TRIAL, named=False, diagnosed=False)], False, True),
        ([*[TRIAL] * 18, *[replace(TRIAL, named=False)] * 2], False, False),
        ([*[TRIAL] * 16, *[replace(TRIAL, diagnosed=False)] * 4], False, True),
        ([*[TRIAL] * 15, *[replace(TRIAL, diagnosed=False)] * 5], False, False),
    ],
)
def test_what_an_audit_must_reach(trials: list[Trial], alarm: bool, ok: bool) -> None:
    right = Control("gates", not alarm, "layers[0].weight WRONG: " * alarm, 0.1)
    table = FaultTable((*trials, replace(TRIAL, fault="b", words="÷ B")), (right,), 0, 10.0)
    assert table.ok is ok
    data = json.loads(table.to_json())
    assert data["ok"] is ok
    assert data["totals"]["planted"] == len(trials) + 1 == len(data["trials"])
    assert [row["fault"] for row in data["rows"]] == ["a", "b"]
    text = str(table)
    assert f"{int(alarm)} false alarms" in text
    assert "÷ B" in text
    assert ("WRONG" in text) is alarm


def test_an_objective_stays_what_it_was() -> None:
    """Planting makes a copy."""
    objective = NETWORKS[0].objective
    before = repr(objective)
    made = BY_NAME["batch mean forgotten"].inject(objective, "")
    assert repr(objective) == before
    assert isinstance(objective, Objective)
    assert (made.net, made.loss, made.penalties, made.policy) == (
        objective.net,
        objective.loss,
        objective.penalties,
        objective.policy,
    )
