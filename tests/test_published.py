"""The published programs: their faults, what the audit says of them, and what mending changes."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from experiments.perceptron import CORNERS, GATES, train_perceptron
from experiments.published import (
    audits,
    binary_classifier,
    breast_cancer,
    random_starts,
    softmax_classifier,
    softmax_prediction,
    xor_cross_entropy,
    xor_squared_error,
)
from experiments.published.network import Params, Program, descend, init
from experiments.xor import TARGET, X
from fnn.audit import Audit
from fnn.data import load

PASS, WRONG, KINK = "PASS", "WRONG", "KINK"
VERDICTS = {
    "P0 as printed, 10-8-8-1, as NumPy broadcasts it": {WRONG},
    "P0, sigmoid's derivative mended, 10-8-8-1": {PASS, WRONG},
    "P0, input mended": {WRONG},
    "P0, both mended, with weights that give surer answers": {WRONG},
    "P0 corrected": {PASS},
    "P0 corrected, with those weights": {PASS},
    "P1 completed": {PASS},
    "P2 as printed": {WRONG},
    "P2 corrected": {PASS},
    "P2 corrected, one row 2,000 times larger": {PASS},
    "P3 at its start": {PASS, KINK},
    "P3 after 100 steps": {PASS},
    "P4 as printed, after 1,000 steps": {WRONG},
    "P4 as printed, after all 10,000 steps": {WRONG},
    "P4 corrected": {PASS},
    "P4 descending what it prints": {PASS},
}
REFUSED = {
    "P0 as printed, 10-16-8-1": r"\[1\].*weight.*\(8, 8\).*\(16, 8\)",
    "P2 as printed, one row 2,000 times larger": "f: is nan",
}


@functools.cache
def cases() -> dict[str, audits.Case]:
    return {case.title: case for case in audits.cases()}


@functools.cache
def audited(title: str) -> Audit:
    return cases()[title].audit()


def test_every_case_has_its_verdict() -> None:
    assert cases().keys() == VERDICTS.keys() | REFUSED.keys()


@pytest.mark.parametrize("title", VERDICTS)
def test_verdicts(title: str) -> None:
    audit = audited(title)
    assert {str(row.verdict) for row in audit.rows} == VERDICTS[title], str(audit)
    assert audit.ok is (WRONG not in VERDICTS[title])


@pytest.mark.parametrize("title", REFUSED)
def test_refused(title: str) -> None:
    with pytest.raises(fnn.FnnError, match=REFUSED[title]):
        audited(title)


DIAGNOSES = {
    "P0 as printed, 10-8-8-1, as NumPy broadcasts it": "broadcast along axis 0",
    "P0, input mended": "× 0.25",
    "P2 as printed": "× 3",
    "P4 as printed, after 1,000 steps": "× 2",
}


@pytest.mark.parametrize("title", DIAGNOSES)
def test_diagnoses(title: str) -> None:
    assert DIAGNOSES[title] in str(audited(title))


def test_own_output_is_wrong_in_two_weights_alone() -> None:
    rows = audited("P0, sigmoid's derivative mended, 10-8-8-1").rows
    wrong = {row.path for row in rows if row.verdict == WRONG}
    assert wrong == {"[1].weight", "[2].weight"}


def test_first_step_of_p0() -> None:
    """NumPy broadcasts (1, 1) into (8, 1) without a word, and stops one layer later."""
    params, x, y = audits.start_of_p0(binary_classifier.SIZES)
    before = params[2]["weight"]
    with pytest.raises(ValueError, match=r"shapes \(16,8\) \(8,8\)"):
        binary_classifier.step(params, x, y, binary_classifier.RATE)
    moved = params[2]["weight"] - before
    assert moved.shape == (8, 1) and moved[0] != 0
    np.testing.assert_allclose(moved, np.full((8, 1), moved[0, 0]), rtol=1e-6)
    last, stopped = audits.first_step()
    assert "(1, 1) of the weight (8, 1): silently broadcast" in last
    assert "(8, 8) of the weight (16, 8): operands could not be broadcast" in stopped


def test_hidden_layers_of_one_width_train_without_a_complaint() -> None:
    params, x, y = audits.start_of_p0((10, 8, 8, 1))
    for _ in range(3):
        binary_classifier.step(params, x, y, binary_classifier.RATE)
    assert [layer["weight"].shape for layer in params] == [(10, 8), (8, 8), (8, 1)]


def test_updating_inside_the_loop_is_harmless() -> None:
    """Each layer's error is passed on before its weight moves."""
    params, x, y = audits.start_of_p0(binary_classifier.SIZES)
    grads = binary_classifier.MENDED.gradient(params, x, y)
    expected = jax.tree.map(
        lambda leaf, found: leaf - binary_classifier.RATE * found, params, grads
    )
    binary_classifier.step(params, x, y, binary_classifier.RATE, faults=())
    jax.tree.map(np.testing.assert_array_equal, params, expected)


def test_p0_learns_breast_cancer_with_other_numbers_alone() -> None:
    found = breast_cancer.outcome(load("breast_cancer"), seed=0)
    assert found.test[0] == found.majority == pytest.approx(0.632, abs=1e-3)
    assert found.test[1] > 0.93
    assert found.losses[0][-1] > 0.65 and found.losses[1][-1] < 0.1
    own_init = breast_cancer.GRID.index((binary_classifier.SCALE, 0.1))
    assert found.validation[own_init] > 0.95


def test_p1_gives_probabilities_for_any_logits() -> None:
    params = init((64, 16, 10), softmax_prediction.SCALE, np.random.default_rng(0))
    found = softmax_prediction.predict(params, np.outer([1, 1e6], np.arange(64)))
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)


def test_p2_is_off_by_the_number_of_classes() -> None:
    draw = np.random.default_rng(0)
    for classes in (2, 3, 7):
        point = init((4, 6, classes), None, draw), draw.random((8, 4)), np.eye(classes)[[0, 1] * 4]
        factor = softmax_classifier.CORRECTED.loss(*point) / softmax_classifier.PUBLISHED.loss(
            *point
        )
        assert factor == pytest.approx(classes, rel=1e-6)
        assert audits.times(
            softmax_classifier.PUBLISHED.gradient(*point),
            softmax_classifier.CORRECTED.gradient(*point),
        ) == pytest.approx(1, rel=1e-12)


def test_p2_trains() -> None:
    _, losses = descend(
        softmax_classifier.PUBLISHED,
        *cases()["P2 as printed"].point,
        softmax_classifier.RATE,
        softmax_classifier.EPOCHS,
    )
    assert (np.diff(losses) < 0).all() and losses[-1] < 0.8 * losses[0]


def test_p2_divides_zero_by_zero() -> None:
    """One shift for the batch: a row 800 below its maximum has no probabilities."""
    z = np.array([[0.0, 1.0], [800.0, 0.0]])
    with pytest.warns(RuntimeWarning, match="invalid value"):
        found = softmax_classifier.softmax(z)
    assert np.isnan(found[0]).all() and np.isfinite(found[1]).all()
    np.testing.assert_allclose(
        softmax_prediction.softmax(z)[0], [1 / (1 + np.e), np.e / (1 + np.e)], rtol=1e-12
    )


@pytest.mark.parametrize("gate", GATES)
def test_p2s_perceptron_is_fnns(gate: str) -> None:
    """The same mistakes in every epoch; AND and OR are learned, XOR never is."""
    x, target = np.asarray(CORNERS, np.float64), np.asarray(GATES[gate], np.float64)
    weight, bias = softmax_classifier.perceptron_init(2, np.random.default_rng(0))
    _, _, mistakes = softmax_classifier.learn(weight, bias, x, target, epochs=150)
    params = {"layers": ({"weight": jnp.array(weight)[:, None], "bias": jnp.zeros(1)}, {})}
    found = jax.jit(train_perceptron, static_argnames="epochs")(
        fnn.perceptron(),
        params,
        jnp.array(x),
        jnp.array(target)[:, None],
        epochs=150,
        learning_rate=softmax_classifier.RATE,
    )
    assert found.mistakes.tolist() == mistakes
    assert (mistakes[-1] == 0) is (gate != "XOR")


def test_perceptrons() -> None:
    assert random_starts.perceptrons(20) == {"AND": 20, "OR": 20, "XOR": 0}


MEMBERS, STEPS = 4, 300
DESCENTS = [
    (random_starts.P3, xor_cross_entropy.PUBLISHED),
    (random_starts.P4._replace(rate=1.0), xor_squared_error.PUBLISHED),
    (
        random_starts.P4._replace(loss=random_starts.SigmoidSquaredError(), rate=1.0),
        xor_squared_error.DESCENDING,
    ),
]


@pytest.mark.parametrize(("setting", "program"), DESCENTS)
def test_vmapped_runs_are_the_programs(setting: random_starts.Setting, program: Program) -> None:
    """The same initial numbers end in the same parameters, whichever side computes them."""
    objective = fnn.replace(setting.run.objective, policy=fnn.Policy("float64"))
    run = fnn.numbers(fnn.replace(setting.run, objective=objective))

    def member(seed: jax.Array):
        state = fnn.init_state(run, fnn.shape(2, dtype="float64"), seed=seed, order_seed=0)
        return state.params, fnn.segment(run, state, fnn.Batch(X, TARGET), start=0, stop=STEPS)[
            0
        ].params

    begun, ended = jax.jit(jax.vmap(member))(jnp.arange(MEMBERS))
    for seed in range(MEMBERS):
        found, _ = descend(program, layers(begun, seed), *audits.XOR, setting.rate, STEPS)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12),
            found,
            layers(ended, seed),
        )


def layers(params, member: int) -> Params:
    """A member's parameters as the programs have them."""
    return [
        {name: np.asarray(leaf[member]) for name, leaf in layer.items()}
        for layer in params["layers"]
        if layer
    ]


def test_as_published_means_the_published_numbers() -> None:
    for setting, program in (
        (random_starts.P3, xor_cross_entropy),
        (random_starts.P4, xor_squared_error),
    ):
        chosen = setting.weights.scale, setting.rate, setting.steps
        assert chosen == (program.SCALE, program.RATE, program.STEPS)


def test_squared_error_of_a_sigmoid() -> None:
    loss, z, t = (
        random_starts.SigmoidSquaredError(),
        jnp.array([[-2.0], [0.5]]),
        jnp.array([1.0, 0.0]),
    )
    found = jax.grad(lambda z: loss.per_example(z, t).sum())(z)
    np.testing.assert_allclose(loss.gradient(z, t), found, rtol=1e-12)
    np.testing.assert_allclose(loss.per_example(z, t), (jax.nn.sigmoid(z)[:, 0] - t) ** 2)


def test_wilson() -> None:
    """Against the figures of Newcombe 1998, table I, and where nothing or all is solved."""
    assert random_starts.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert random_starts.wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert random_starts.wilson(29, 29) == pytest.approx((0.8830, 1), abs=1e-4)


def test_figures(tmp_path) -> None:
    first, second = tmp_path / "starts.png", tmp_path / "breast_cancer.png"
    random_starts.draw({"P3 as published": 11, "P4": 0, "… with tanh": 20}, 20, first)
    curves = (
        np.linspace(0.7, 0.65, binary_classifier.EPOCHS),
        np.geomspace(1, 0.01, binary_classifier.EPOCHS),
    )
    breast_cancer.draw([breast_cancer.Outcome([], 0, curves, (0, 1), 0.63)] * 2, second)
    for path in (first, second):
        assert path.read_bytes().startswith(b"\x89PNG")
