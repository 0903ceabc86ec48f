"""`audit`: networks, in every dtype; the layer at fault; what is asked beside the leaves."""

from __future__ import annotations

import re
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.audit import Audit, Verdict, agreement, audit
from fnn.audit.problem import from_network
from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.layer import Layer
from fnn.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from fnn.losses import L1, L2, CrossEntropy
from fnn.networks import mlp
from fnn.objective import Batch, Objective
from fnn.spec import spec

DRAW = np.random.default_rng(0)
B = 8
X = DRAW.normal(size=(B, 5))
BATCH = Batch(X, DRAW.integers(0, 3, B), DRAW.uniform(0, 2, B))
RICH = Objective(
    Serial(
        Dense(6),
        BatchNorm(),
        Activation("relu"),
        Residual(Serial(LayerNorm(), Dense(6), Activation("gelu"))),
        Repeat(Serial(Dense(6), Activation("tanh")), 2, tied=True),
        Dropout(0.3),
        Parallel(Dense(2), Dense(1), join="concatenate"),
    ),
    CrossEntropy(0.1),
    (L1(0.01), L2(0.1)),
)
PLAIN = Objective(mlp([6, 4], 3, activation="tanh"), "cross_entropy")


@pytest.fixture(scope="module")
def rich() -> Audit:
    return audit(RICH, BATCH)


def by_path(found: Audit) -> dict[str, Any]:
    return {row.path: row for row in found.rows}


def test_every_leaf_and_the_input_are_proved(rich: Audit) -> None:
    rows = by_path(rich)
    params = jax.eval_shape(lambda: RICH.init(jax.random.key(0), fnn.shape(5))[0])
    assert set(rows) == {*fnn.named_leaves(params), "input"}
    assert rich.ok, str(rich)
    assert rich.findings == ()
    for path, row in rows.items():
        assert row.verdict is Verdict.PASS, path
        assert row.difference <= row.limit
        assert row.numerical <= 4 * row.resolution + row.limit
        if path != "layers[0].bias":
            assert row.limit < 1e-10 * row.rms_gradient


def test_a_structural_zero_passes_as_one(rich: Audit) -> None:
    """The bias in front of BatchNorm: two kinds of rounding noise, 100 % apart."""
    row = by_path(rich)["layers[0].bias"]
    assert row.rms_gradient < 1e-14
    assert "zero" in row.note


def test_the_header_says_what_was_done(rich: Audit) -> None:
    assert rich.header["dtype"] == "float64"
    assert rich.header["backend"].startswith("cpu")
    assert rich.header["evaluations"] >= 32 * 2 * len(rich.rows)
    assert {"matmul precision", "versions", "seed", "directions", "seconds"} <= set(rich.header)


def test_what_is_asked_beside_the_leaves(rich: Audit) -> None:
    """Where rows depend on each other, single examples are asked in evaluation."""
    assert all(check.ok for check in rich.checks), str(rich)
    (single,) = (check for check in rich.checks if "single" in check.name)
    assert "in evaluation" in single.words
    plain = audit(PLAIN, BATCH, hessian=True)
    assert len(plain.checks) == 5
    assert all(check.ok for check in plain.checks), str(plain)


def test_a_second_audit_compiles_nothing() -> None:
    programs = (
        from_network._manual,
        from_network._automatic,
        from_network._values,
        from_network._forward,
    )
    audit(PLAIN, BATCH, checks=False)
    before = [program._cache_size() for program in programs]
    changed = Objective(mlp([6, 4], 3, activation="tanh"), "cross_entropy")
    again = audit(changed, Batch(X + 1, BATCH.target, BATCH.weight), seed=5, checks=False)
    assert again.ok
    assert [program._cache_size() for program in programs] == before


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_right_gradient_is_not_called_wrong_in_any_dtype(dtype: str) -> None:
    for objective in (RICH, PLAIN):
        found = audit(objective, BATCH, dtype=dtype, checks=False)
        assert {row.verdict for row in found.rows} <= {Verdict.PASS, Verdict.UNRESOLVED}
        if dtype == "float32":
            assert found.ok, str(found)


def test_a_network_alone_gets_a_random_cotangent(rich: Audit) -> None:
    found = audit(RICH.net, X)
    assert found.ok
    assert len(found.rows) == len(rich.rows)
    assert min(row.rms_gradient for row in found.rows if "zero" not in row.note) > 1e-6


def test_parameters_of_ones_own() -> None:
    params, state = PLAIN.init(jax.random.key(3), fnn.shape(5))
    found = audit(PLAIN, BATCH, params=jax.tree.map(jnp.zeros_like, params), state=state)
    rows = by_path(found)
    assert rows["layers[0].weight"].verdict is Verdict.DEAD
    assert rows["layers[4].bias"].verdict is Verdict.PASS
    assert found.ok


def test_integer_inputs_have_no_row() -> None:
    net = Serial(fnn.Embedding(4, 3), fnn.Flatten(2), Dense(2))
    found = audit(net, DRAW.integers(0, 4, (B, 5)))
    assert found.ok
    assert "input" not in by_path(found)


def test_agreement_is_the_cheap_part() -> None:
    leaves = agreement(PLAIN, BATCH)
    assert [leaf.path for leaf in leaves] == [
        row.path for row in audit(PLAIN, BATCH, checks=False).rows
    ]
    assert all(leaf.ok for leaf in leaves)


class WrongTanh(Layer):
    """A user's layer: right in value, wrong in backward."""

    scale: float = fnn.number(default=1.0)

    def forward(self, params, state, x, *, train, key):
        y = jnp.tanh(x)
        return y, state, y

    def backward(self, params, tape, dy):
        return self.wrong(tape, dy), {}

    def wrong(self, y, dy):
        return dy * (1 - y * y)


@spec("test_wrong_everywhere.v1")
class Squared(WrongTanh):
    def wrong(self, y, dy):
        return dy * (1 - y * y) ** 2


@spec("test_slightly_wrong.v1")
class Slightly(WrongTanh):
    def wrong(self, y, dy):
        return dy * (1 - y * y) * (1 + 1e-9)


@spec("test_wrong_for_one.v1")
class OneElement(WrongTanh):
    def wrong(self, y, dy):
        return (dy * (1 - y * y)).at[2, 1].mul(-1)


@spec("test_not_finite.v1")
class NotFinite(WrongTanh):
    def wrong(self, y, dy):
        return (dy * (1 - y * y)).at[2, 1].set(jnp.nan)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Squared(), "applied twice"),
        (Slightly(), "relative error of 1e-09"),
        (OneElement(), "one element of 48, [2, 1]: its sign is turned"),
        (NotFinite(), "NaN at one element, [2, 1]"),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, Layer) else "",
)
def test_the_layer_at_fault_is_named(layer: Layer, words: str) -> None:
    """The leaves that it spoils lie below it; the fault is its own input's gradient."""
    net = Serial(Dense(6), Residual(Serial(Dense(6), layer)), Activation("silu"), Dense(3))
    found = audit(Objective(net, "cross_entropy"), BATCH, checks=False)
    assert not found.ok
    (finding,) = found.findings
    assert (finding.path, finding.leaf) == ("net.layers[1].inner.layers[1]", "input")
    assert finding.kind == type(layer).__name__
    assert words in finding.words
    broken = {row.path for row in found.rows if row.verdict not in (Verdict.PASS, Verdict.DEAD)}
    assert broken >= {"layers[0].weight", "layers[1].inner.layers[0].weight", "input"}
    assert not broken & {"layers[3].weight", "layers[3].bias"}
    assert words in str(found)


def test_a_layer_inside_a_scan_is_found() -> None:
    net = Repeat(Residual(Serial(Dense(5), Squared())), 3)
    found = audit(net, X, checks=False)
    assert {(f.path, f.leaf) for f in found.findings} == {("net.inner.inner.layers[1]", "input")}


BAD = [
    ({"dtype": "float16"}, "dtype: unknown dtype 'float16'; expected one of float64"),
    ({"directions": 0}, "directions: expected 2 or more, got 0"),
    ({"batch": X}, "batch: expected a fnn.Batch or a pair (x, target)"),
    ({"batch": (X[:0], BATCH.target[:0])}, "batch.x: expected an array with at least one example"),
    ({"batch": (X.astype(int), BATCH.target)}, "net.layers[0]: "),
    ({"batch": (X, BATCH.target[:3])}, "loss: the output has shape (8, 3)"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[case[1][:24] for case in BAD])
def test_bad_input(change: dict[str, Any], message: str) -> None:
    options = {"batch": BATCH, **change}
    with pytest.raises(fnn.FnnError, match=re.escape(message)):
        audit(PLAIN, options.pop("batch"), **options)


def test_the_setting_of_jax_is_left_as_it_was() -> None:
    with jax.enable_x64(False):
        audit(PLAIN, BATCH, checks=False)
        assert jnp.zeros(1).dtype == jnp.float32
    chex.assert_type(jnp.zeros(1), jnp.float64)


class Answers(Layer):
    """x / 2, whose backward answers in the wrong form."""

    def forward(self, params, state, x, *, train, key):
        return x / 2, state, None


@spec("test_answers_none.v1")
class AnswersNone(Answers):
    def backward(self, params, tape, dy):
        return None


@spec("test_answers_alone.v1")
class AnswersAlone(Answers):
    def backward(self, params, tape, dy):
        return dy / 2


@spec("test_answers_more.v1")
class AnswersMore(Answers):
    def backward(self, params, tape, dy):
        return dy / 2, {"weight": dy}


@spec("test_answers_other_shape.v1")
class AnswersOtherShape(Answers):
    def backward(self, params, tape, dy):
        return dy[:, :2] / 2, {}


@spec("test_raises.v1")
class Raises(Answers):
    def backward(self, params, tape, dy):
        raise RuntimeError("not written yet")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (AnswersNone(), "backward gave NoneType; expected (dx, dparams)"),
        (AnswersAlone(), "expected (dx, dparams)"),
        (AnswersMore(), "backward gave dparams of {weight: float64[8, 6]}; the parameters: {}"),
        (AnswersOtherShape(), "gave dx of {it: float64[8, 2]}; the input: {it: float64[8, 6]}"),
        (Raises(), "backward raised RuntimeError: not written yet (line "),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, Layer) else "",
)
def test_a_layer_that_breaks_the_contract_is_named(layer: Layer, message: str) -> None:
    net = Serial(Dense(6), Residual(Serial(layer)), Dense(3))
    with pytest.raises(fnn.FnnError) as raised:
        audit(net, X)
    assert f"net.layers[1].inner.layers[0] ({type(layer).__name__})" in str(raised.value)
    assert message in str(raised.value)


def test_a_class_that_is_none() -> None:
    with pytest.raises(fnn.FnnError, match="not finite at these parameters"):
        audit(PLAIN, (X, BATCH.target + 2))


@spec("test_training_alone.v1")
class TrainingAlone(Layer):
    """2 x, with a tape in training only."""

    def forward(self, params: Any, state: Any, x: Any, *, train: bool, key: Any) -> Any:
        return 2 * x, state, (2.0,) if train else None

    def backward(self, params: Any, tape: Any, dy: Any) -> Any:
        (slope,) = tape
        return dy * slope, {}


def test_a_backward_pass_that_runs_in_training_alone() -> None:
    """Where rows depend on each other they are asked in evaluation too; it is only told there."""
    net = Serial(Dense(4), BatchNorm(), TrainingAlone(), Dense(2))
    found = audit(net, np.random.default_rng(0).normal(size=(8, 3)))
    assert found.ok
    (check,) = [check for check in found.checks if check.name.startswith("single examples")]
    assert check.ok is None and "raises in evaluation (TypeError: " in check.words
