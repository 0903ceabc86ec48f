"""Six gates that every row of tests/cases.py must pass."""

from __future__ import annotations

import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.spec import from_json, kinds, named_leaves, numbers, to_json
from tests.agreement import Evidence, direction, gather, worst
from tests.cases import CASES, LAYERS, SPECS, LayerCase


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """A fixture of the module, so that pytest runs a row's tests one after another."""
    return gather(request.param)


every_layer = pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
every_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: repr(spec)[:60])


def test_manual_is_automatic(evidence: Evidence) -> None:
    error, path = worst(evidence.manual, evidence.automatic)
    assert error <= 1, f"{path}: {error:.3g} times what rounding allows"


def test_a_planted_fault_fails(evidence: Evidence) -> None:
    """One part in a million on any one leaf is seen, unless the leaf is zero by structure."""
    manual, automatic = evidence.manual, evidence.automatic
    size = max((np.abs(leaf).max(initial=0) for leaf in automatic.values()), default=0)
    for path, leaf in automatic.items():
        if np.abs(leaf).max(initial=0) > 1e-6 * size:
            error, found = worst({**manual, path: manual[path] * (1 + 1e-6)}, automatic)
            assert error > 1, path
            assert found == path


def test_numerical_agrees(evidence: Evidence) -> None:
    """Along a random direction in every leaf, the parameters' and the input's."""
    manual = evidence.manual
    for path, slope in zip(manual, evidence.numerical.values(), strict=True):
        terms = manual[path] * direction(manual[path])
        assert abs(slope - terms.sum()) <= 1e-7 * max(np.abs(terms).sum(), 1e-3), path


def test_jit_is_eager(evidence: Evidence) -> None:
    case = evidence.case
    close(evidence.y, case.forward(numbers(case.spec), *case.inputs(jnp.float64)))


def test_vmap_is_a_loop(evidence: Evidence) -> None:
    """Over members with parameters and inputs of their own, forward and backward."""
    close(evidence.members, evidence.loop)


def test_vmap_over_examples_is_the_batch(evidence: Evidence) -> None:
    if evidence.examples is None:
        pytest.skip("not a layer, or its rows depend on each other")
    close(evidence.examples, evidence.y)


def test_nothing_recompiles(evidence: Evidence) -> None:
    """An equal spec from JSON and other numbers use the program that is there."""
    assert evidence.traces == 1


def close(a, b) -> None:
    chex.assert_trees_all_close(a, b, rtol=1e-12, atol=1e-12)


@every_layer
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_declared_shape_and_dtype(case: LayerCase, dtype: str) -> None:
    """`out_shape` against what `forward` gives; gradients in the dtype of what they belong to."""
    declared = case.spec.out_shape(case.shaped(dtype))
    x = case.batched(dtype)
    params, state = case.declared(dtype)

    def run(params, state, x):
        y, _, tape = case.spec.forward(params, state, x, train=case.train, key=jax.random.key(0))
        return y, case.spec.backward(params, tape, y)

    y, (dx, dparams) = jax.eval_shape(run, params, state, x)
    rows = jax.tree.leaves(x)[0].shape[0]
    assert (y.shape, y.dtype) == ((rows, *declared.shape), declared.dtype)
    chex.assert_trees_all_equal_shapes_and_dtypes(dparams, params)
    for path, leaf in named_leaves(dx).items():
        chex.assert_trees_all_equal_shapes_and_dtypes(leaf, named_leaves(x)[path])
    embeds = "embedding.v1" in to_json(case.spec)
    wanted = "float64" if dtype == "float64" or embeds else "float32"
    assert {leaf.dtype.name for leaf in jax.tree.leaves((params, state))} <= {wanted}


@every_spec
def test_json_round_trip(spec: object) -> None:
    again = from_json(to_json(spec))
    assert again == spec
    assert hash(again) == hash(spec)
    assert to_json(again) == to_json(spec)


@every_spec
def test_numbers_are_leaves_of_one_dtype(spec: object) -> None:
    """So Python floats, arrays and members of a sweep share a cache entry."""
    arrays = jax.tree.map(jnp.asarray, spec)
    chex.assert_trees_all_equal_shapes_and_dtypes(numbers(spec), numbers(arrays))
    assert jax.tree.structure(numbers(spec)) == jax.tree.structure(from_json(to_json(spec)))


def test_every_kind_has_a_row() -> None:
    """A kind that no row of tests/cases.py holds has not been through the gates."""
    seen = set().union(*(kinds_in(json.loads(to_json(spec))) for spec in SPECS))
    ours = {kind for kind, cls in kinds().items() if cls.__module__.startswith("fnn.")}
    assert ours - seen == {"optax_transformation.v1"}, "JSON can't hold somebody's own functions"


def kinds_in(data) -> set[str]:
    """The kinds that a spec's JSON names."""
    if isinstance(data, list):
        return set().union(*map(kinds_in, data))
    if isinstance(data, dict):
        return {data.get("kind")} - {None} | kinds_in(list(data.values()))
    return set()
