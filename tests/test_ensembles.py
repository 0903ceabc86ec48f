"""Ensembles: the layer that averages, and members trained apart that become one network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, log_softmax, logsumexp, softmax

import fnn
from experiments.audit_power.mutations import CATALOG
from fnn import Activation, BatchNorm, Dense, Dropout, Ensemble, Residual, Serial, losses
from fnn.audit import audit
from fnn.data import from_arrays, prepare
from fnn.ensembles import average_of, combine, ensemble, member_outputs, predictive
from fnn.metrics import as_logits
from fnn.model import Model, load, save
from fnn.spec import FnnError, ShapeError, SpecError
from fnn.training import DivergedError, Selection, fit
from tests.user_layers import TwoInputs

KEY = jax.random.key(5)
INNER = Serial(Dense(4), BatchNorm(), Activation("tanh"), Dropout(0.4), Dense(3))
X = np.random.default_rng(0).normal(size=(6, 5))


def made(net: Any, in_shape: Any = None) -> tuple[Any, Any]:
    params, state = jax.jit(lambda: net.init(KEY, in_shape or fnn.shape(5, dtype=jnp.float64)))()
    return params, state


def close(a: Any, b: Any, rtol: float = 1e-12) -> None:
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-12), a, b)


def at(tree: Any, member: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[member], tree["inner"])


# The layer


@pytest.mark.parametrize("average", ["mean", "softmax", "sigmoid"])
def test_members_are_networks_and_their_average_is_the_output(average: Any) -> None:
    """In training too, each with a key of its own; state stays with its member."""
    net = Ensemble(INNER, 3, average)
    params, state = made(net)
    y, new = jax.jit(lambda: net.apply(params, state, X, train=True, key=KEY))()

    @jax.jit
    def alone(params: Any, state: Any, member: int) -> Any:
        key = jax.random.fold_in(KEY, member)
        return INNER.apply(params, state, X, train=True, key=key)

    host = jax.device_get((params, state))
    found = [alone(at(host[0], m), at(host[1], m), m) for m in range(3)]
    z = np.stack([output for output, _ in found])
    close(new["inner"], jax.tree.map(lambda *leaves: np.stack(leaves), *(s for _, s in found)))
    means = {
        "mean": lambda: (y, z.mean(0)),
        "softmax": lambda: (np.exp(y), softmax(z, -1).mean(0)),
        "sigmoid": lambda: (expit(y), expit(z).mean(0)),
    }
    close(*means[average]())
    assert np.ptp(z, 0).min() > 1e-3, "members differ"
    outputs, second = jax.jit(
        lambda: (net.outputs(params, new, X), INNER.apply(at(params, 1), at(new, 1), X)[0])
    )()
    close(outputs[1], second)


def averaged(z: np.ndarray, average: Any) -> tuple[np.ndarray, np.ndarray]:
    """The output of members that say z, and its gradient along a random cotangent."""
    net = Ensemble(Dense(z.shape[-1], bias_init=None), len(z), average)
    x = np.eye(z.shape[1])
    params = {"inner": {"weight": jnp.asarray(z)}}
    dy = np.random.default_rng(1).normal(size=z.shape[1:])

    def automatic(params: Any) -> Any:
        return (net.apply(params, {"inner": {}}, x)[0] * dy).sum()

    @jax.jit
    def run(params: Any) -> Any:
        y, _, tape = net.forward(params, {"inner": {}}, x, train=False, key=None)
        return y, net.backward(params, tape, dy)[1], jax.grad(automatic)(params)

    y, grads, expected = run(params)
    close(grads, expected)
    return np.asarray(y), np.asarray(grads["inner"]["weight"])


def test_saturated_logits() -> None:
    """Where probabilities would be 0 or 1, and their logarithms nothing."""
    z = np.array([[[0.0, 800, -800]], [[0, 700, 900]]])
    y, grads = averaged(z, "softmax")
    close(y, logsumexp(log_softmax(z, -1), 0) - np.log(2))
    assert np.isfinite(grads).all()
    z = np.array([[[1000.0, 50, -60, 1e-9]], [[-1000, 60, -50, 0]]])
    y, grads = averaged(z, "sigmoid")
    wide = np.log1p(np.exp(-10)) - np.log(2)
    np.testing.assert_allclose(y, [[0, 50 - wide, -50 + wide, 5e-10]], rtol=1e-12, atol=1e-15)
    assert np.isfinite(grads).all()


def test_an_ensemble_of_one_is_its_member() -> None:
    z = np.random.default_rng(0).normal(size=(1, 4, 3))
    close(averaged(z, "mean")[0], z[0])
    close(averaged(z, "sigmoid")[0], z[0])
    close(averaged(z, "softmax")[0], log_softmax(z[0], -1))


def test_it_is_stacked_and_summed_up() -> None:
    net = Ensemble(Serial(Dense(4), Dense(3)), 8, "softmax")
    found = fnn.summary(net, fnn.shape(5))
    assert found.parameters == 8 * (24 + 15)
    assert [row.path for row in found.rows] == ["inner.layers[0]", "inner.layers[1]"]
    params, _ = jax.eval_shape(lambda: net.init(KEY, fnn.shape(5)))
    assert params["inner"]["layers"][0]["weight"].shape == (8, 5, 4)


def test_bad_ensembles() -> None:
    with pytest.raises(SpecError, match="members: expected at least 1"):
        Ensemble(Dense(3), 0)
    with pytest.raises(SpecError, match=r"average: .*'median'"):
        Ensemble(Dense(3), 2, "median")  # type: ignore[arg-type]
    net = Ensemble(Serial(Dense(3), Dropout(0.5)), 2)
    params, state = made(net)
    with pytest.raises(ShapeError, match="Ensemble stacks 2 layers along the first axis"):
        net.apply(at(params, 0), state, X)
    with pytest.raises(ShapeError, match="Ensemble stacks 2 layers along the first axis, but"):
        net.apply({"inner": {"weight": np.ones((3, 5, 3))}}, state, X)
    with pytest.raises(fnn.KeyMissingError, match=r"inner\.layers\[1\]"):
        net.apply(params, state, X, train=True)
    several = {"a": fnn.shape(3), "b": fnn.shape(3)}
    with pytest.raises(ShapeError, match="takes one array"):
        Ensemble(Serial(), 2).out_shape(several)
    assert Ensemble(TwoInputs(4), 2).out_shape(several).shape == (4,)


def test_an_audit_finds_the_member_layer_at_fault() -> None:
    """The innermost layer is named, as one of a stack."""
    net = Residual(Ensemble(Serial(Dense(4), Activation("tanh"), Dense(5)), 2, "sigmoid"))
    objective = fnn.Objective(net, "squared_error", policy=fnn.Policy("float64"))
    batch = fnn.Batch(X, np.random.default_rng(1).normal(size=X.shape))
    fault = next(f for f in CATALOG if f.name == "weight gradient doubled")
    planted = fault.inject(objective, "net.inner.inner.layers[2]")
    found = audit(objective, batch, by_hand=planted, checks=False)
    assert not found.ok
    assert [(f.path, f.leaf) for f in found.findings] == [("net.inner.inner.layers[2]", "weight")]
    assert "× 2" in found.findings[0].words


# Members trained apart


def test_the_average_suits_the_loss() -> None:
    suits = {average: average_of(losses_of[average]) for average in losses_of}
    assert suits == {average: average for average in losses_of}
    assert average_of(losses.ProbabilityCrossEntropy()) == "mean"
    assert average_of(losses.ProbabilityBinaryCrossEntropy()) == "mean"


def test_a_loss_of_ones_own_says_how_outputs_are_averaged() -> None:
    class Margin(losses.Loss):
        average = "softmax"

        def per_example(self, output, target):
            return output[..., 0]

        def gradient(self, output, target):
            return output

    assert average_of(Margin()) == "softmax"
    with pytest.raises(SpecError, match="at least one member"):
        combine(fnn.Objective(Dense(3), "squared_error"), [])


losses_of: dict[str, Any] = {
    "softmax": losses.CrossEntropy(),
    "sigmoid": losses.BinaryCrossEntropy(),
    "mean": losses.Huber(),
}
RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(80, 3)).astype(np.float32)
NUMBERS = (1000 + 200 * np.sin(INPUTS @ [1, 2, 3]) + 50 * RNG.normal(size=80)).astype(np.float32)
WORDS = np.array(["no", "yes", "perhaps"])[np.digitize(INPUTS[:, 0], [-0.5, 0.5])]


def run_of(net: Any, loss: str, **more: Any) -> fnn.Run:
    rule = fnn.optimizers.Adam(0.02)
    policy = fnn.Policy("float64")
    return fnn.Run(fnn.Objective(net, loss, policy=policy), rule, 16, **more)


CLASSES = run_of(fnn.mlp([8], 3, dropout=0.2), "cross_entropy", selection=Selection())


@pytest.fixture(scope="module")
def numbers() -> Any:
    data = prepare(from_arrays(INPUTS, NUMBERS))
    return ensemble(run_of(fnn.mlp([8], 1), "squared_error"), data, members=3, epochs=4, seed=7)


@pytest.fixture(scope="module")
def classes() -> Any:
    return ensemble(CLASSES, (INPUTS, WORDS), members=3, epochs=4, own_order=True)


def test_a_member_is_the_lone_run(classes: Any) -> None:
    rows, validation = classes.prepared.train, classes.prepared.validation
    assert [outcome.member.seed for outcome in classes.members] == [0, 1, 2]
    for seed in (0, 2):
        lone = fit(CLASSES, rows, validation, epochs=4, seed=seed, order_seed=seed)
        close(at(classes.params, seed), lone.params, rtol=1e-9)
        assert classes.members[seed].best_epoch == lone.best.epoch


def test_probabilities_are_averaged(classes: Any) -> None:
    """By the metrics, by the model, and by hand."""
    assert classes.objective.net == Ensemble(CLASSES.objective.net, 3, "softmax")
    test, model = classes.prepared.test, Model.of(classes)
    each = member_outputs(classes.objective, classes.params, classes.state, test.x)
    p = softmax(each, -1)
    shown = classes.prepared.dataset.inputs[classes.prepared.split.test]
    np.testing.assert_allclose(model.probabilities(shown), p.mean(0), rtol=1e-6)
    right = p.mean(0).argmax(-1) == test.target
    np.testing.assert_allclose(classes.test["accuracy"], right.mean())
    taken = p.mean(0)[np.arange(len(right)), test.target]
    np.testing.assert_allclose(classes.test["loss"], -np.log(taken).mean(), rtol=1e-6)
    for scores, member in zip(classes.each_test, p, strict=True):
        taken = member[np.arange(len(right)), test.target]
        np.testing.assert_allclose(scores["loss"], -np.log(taken).mean(), rtol=1e-6)
    assert len(classes.each_validation) == 3 and classes.left_out == ()
    mean_loss = np.mean([scores["loss"] for scores in classes.each_test])
    assert classes.test["loss"] < mean_loss, "−log is convex (Jensen)"
    with pytest.raises(FnnError, match="classes have no spread"):
        classes.predictive(INPUTS)


def test_mean_and_spread_in_the_targets_units(numbers: Any, tmp_path: Path) -> None:
    """From the result, and from a model that was saved and loaded."""
    fitted, net = numbers.prepared.preprocessing, numbers.objective.net
    assert (net.members, net.average) == (3, "mean")
    outputs = np.asarray(net.outputs(numbers.params, numbers.state, fitted.encode(INPUTS)))
    own = outputs[..., 0] * fitted.target_scale + fitted.target_encoding.mean
    mean, spread = numbers.predictive(INPUTS)
    np.testing.assert_allclose(mean, own.mean(0), rtol=1e-6)
    np.testing.assert_allclose(spread, own.std(0), rtol=1e-5)
    assert spread.shape == (80,) and spread.min() > 0
    save(Model.of(numbers), tmp_path / "model")
    model = load(tmp_path / "model")
    np.testing.assert_allclose(model.predict(INPUTS), mean, rtol=1e-6)
    np.testing.assert_array_equal(model.spread(INPUTS), spread)
    assert [outcome.member.seed for outcome in numbers.members] == [7, 8, 9]
    lone = Model(numbers.members[0].member.run.objective, {}, {}, model.in_shape, fitted)
    with pytest.raises(FnnError, match="expected an ensemble, got one network: Serial"):
        lone.spread(INPUTS)


def test_many_rows_go_in_chunks(numbers: Any) -> None:
    x = np.resize(INPUTS, (5000, 3))
    found = member_outputs(numbers.objective, numbers.params, numbers.state, x)
    assert found.shape == (3, 5000, 1)
    np.testing.assert_allclose(found[:, -40:], found[:, :40], rtol=1e-12)


def test_the_history_is_the_members_mean(classes: Any) -> None:
    told = classes.history
    assert {"loss", "validation_loss", "validation_accuracy"} <= told.keys()
    each = [outcome.history["loss"] for outcome in classes.members]
    np.testing.assert_allclose(told["loss"], np.mean(each, 0))
    assert classes.best is None


def test_rows_without_preprocessing() -> None:
    """A `Batch` has metrics too; what turns its numbers back is not known."""
    batch = fnn.Batch(INPUTS[:60], (NUMBERS[:60] - 1000) / 200)
    valid = fnn.Batch(INPUTS[60:], (NUMBERS[60:] - 1000) / 200)
    run = run_of(fnn.mlp([8], 1), "squared_error")
    made = ensemble(run, batch, valid, members=2, epochs=2, target_scale=200.0)
    output = member_outputs(made.objective, made.params, made.state, valid.x).mean(0)[:, 0]
    expected = 200 * np.abs(output - valid.target).mean()
    np.testing.assert_allclose(made.validation["mae"], expected, rtol=1e-6)
    assert made.test is made.each_test is None
    with pytest.raises(FnnError, match="was trained on a Batch"):
        Model.of(made)
    with pytest.raises(FnnError, match="was trained on a Batch"):
        made.predictive(INPUTS)


def faked(monkeypatch: pytest.MonkeyPatch, change: Any) -> Any:
    """An ensemble of three whose sweep has been tampered with."""
    module = __import__("fnn.ensembles.ensemble", fromlist=["sweep"])
    real = module.sweep
    monkeypatch.setattr(module, "sweep", lambda *given, **more: change(real(*given, **more)))
    run = run_of(fnn.mlp([8], 1), "squared_error")
    return ensemble(run, prepare(from_arrays(INPUTS, NUMBERS)), members=3, epochs=1)


def diverged(*seeds: int) -> Any:
    def change(sweep: Any) -> Any:
        def one(outcome: Any) -> Any:
            lost = outcome.member.seed in seeds
            return replace(outcome, status="diverged") if lost else outcome

        return replace(sweep, outcomes=[one(outcome) for outcome in sweep.outcomes])

    return change


def test_members_that_diverged_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faked(monkeypatch, diverged(1))
    assert found.left_out == ((1, "diverged in epoch 1"),)
    assert [outcome.member.seed for outcome in found.members] == [0, 2]
    assert found.objective.net.members == len(found.each_test) == 2


def test_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FnnError, match="no member of 3 is left: that of seed 0 diverged in epoch"):
        faked(monkeypatch, diverged(0, 1, 2))


def test_an_interrupted_ensemble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members before whose turn it came are named; none at all is an interruption."""

    def cut(count: int) -> Any:
        return lambda sweep: replace(sweep, outcomes=sweep.outcomes[:count], interrupted=2)

    found = faked(monkeypatch, cut(2))
    assert found.left_out == ((2, "was not trained: interrupted before its turn"),)
    assert found.interrupted == 2
    monkeypatch.undo()
    with pytest.raises(KeyboardInterrupt):
        faked(monkeypatch, cut(0))


def test_a_real_divergence() -> None:
    """All of them, as the lone run does."""
    run = run_of(fnn.mlp([8], 1), "squared_error")
    run = fnn.with_numbers(run, {"learning_rate": 1e200})
    data = prepare(from_arrays(INPUTS, NUMBERS))
    with pytest.raises(DivergedError):
        fit(run, data.train, epochs=2)
    with pytest.raises(FnnError, match="no member of 2 is left"):
        ensemble(run, data, members=2, epochs=2)


@pytest.mark.parametrize("members", [1, 0, True, 2.5, "8"])
def test_too_few_members(members: Any) -> None:
    with pytest.raises(SpecError, match="members: expected a whole number from 2 up"):
        ensemble(CLASSES, (INPUTS, WORDS), members=members, epochs=1)


def test_probabilities_of_a_network_that_ends_in_them() -> None:
    """Their mean is the average; as logits for whoever wants those."""
    net = Serial(Dense(3), fnn.Softmax())
    objective = fnn.Objective(net, "probability_cross_entropy", policy=fnn.Policy("float64"))
    each = [made(net, fnn.shape(3, dtype=jnp.float64)) for _ in range(2)]
    each[1] = (jax.tree.map(lambda leaf: -leaf, each[1][0]), each[1][1])
    joint, params, state = combine(objective, each)
    p = np.asarray(joint.predict(params, state, INPUTS))
    close(p, np.mean([net.apply(*one, INPUTS.astype(float))[0] for one in each], 0))
    close(np.exp(as_logits(joint.loss, p)), p)


def test_of_what_is_asked_nothing_is_an_ensemble() -> None:
    objective = fnn.Objective(Dense(3), "squared_error")
    with pytest.raises(FnnError, match="expected an ensemble, got one network: Dense"):
        member_outputs(objective, {}, {}, INPUTS)
    fitted = prepare(from_arrays(INPUTS, WORDS)).preprocessing
    with pytest.raises(FnnError, match="classes have no spread"):
        predictive(objective, {}, {}, INPUTS, fitted)
