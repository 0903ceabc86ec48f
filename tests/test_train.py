"""`fnn.train`: data in any form, what suits it, and how good the result is said to be."""

from __future__ import annotations

import io
import sys

import chex
import jax
import numpy as np
import pytest
from sklearn import metrics as judge

import fnn
from fnn.data import from_arrays, from_frame, load, prepare
from fnn.spec import FnnError, ShapeError, SpecError
from fnn.training import DivergedError, Selection, TrainingEvent
from fnn.training.train import TrainResult, default_batch_size, default_epochs

NET = fnn.mlp([4], 3)
IRIS = load("iris")


def train(data=IRIS, **options) -> TrainResult:
    return fnn.train(NET, data, **{"epochs": 3, **options})


def outputs(made: TrainResult, rows: fnn.Batch) -> np.ndarray:
    return np.asarray(made.run.objective.predict(made.params, made.state, rows.x))


def frame():
    import pandas

    columns = {f"x{number}": column for number, column in enumerate(IRIS.inputs.T)}
    return pandas.DataFrame({**columns, "kind": np.array(IRIS.classes)[IRIS.target]})


@pytest.mark.parametrize(
    "make",
    [
        lambda: "iris",
        lambda: prepare(IRIS),
        lambda: (IRIS.inputs, IRIS.target),
        lambda: [IRIS.inputs.tolist(), IRIS.target.tolist()],
        lambda: from_arrays(IRIS.inputs, np.array(IRIS.classes)[IRIS.target]),
        lambda: from_frame(frame(), "kind"),
    ],
    ids=["name", "prepared", "arrays", "lists", "strings", "frame"],
)
def test_data_in_any_form_train_alike(make) -> None:
    made, wanted = train(make()), train()
    assert made.test.keys() == wanted.test.keys() == {"loss", "accuracy"}
    for name, value in wanted.test.items():
        assert made.test[name] == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(made.history["loss"], wanted.history["loss"], rtol=1e-5)


def test_classes_are_measured_as_scikit_learn_does() -> None:
    made = train(epochs=20)
    for rows, told in (
        (made.prepared.test, made.test),
        (made.prepared.validation, made.validation),
    ):
        named = made.prepared.preprocessing.decode(outputs(made, rows))
        truth = np.array(IRIS.classes)[rows.target]
        assert told["accuracy"] == pytest.approx(judge.accuracy_score(truth, named))
        shares = made.prepared.preprocessing.probabilities(outputs(made, rows))
        loss = judge.log_loss(rows.target, shares)
        assert told["loss"] == pytest.approx(loss, rel=1e-5)


def test_two_classes_are_one_logit() -> None:
    made = fnn.train(fnn.Dense(1), "breast_cancer", epochs=5, metrics=("accuracy", "auc"))
    rows, fitted = made.prepared.test, made.prepared.preprocessing
    output = outputs(made, rows)
    truth = np.array(fitted.classes)[rows.target]
    assert isinstance(made.run.objective.loss, fnn.losses.BinaryCrossEntropy)
    assert output.shape == (len(rows.target), 1)
    assert made.test["accuracy"] == pytest.approx(
        judge.accuracy_score(truth, fitted.decode(output))
    )
    area = judge.roc_auc_score(rows.target, fitted.probabilities(output)[:, 1])
    assert made.test["auc"] == pytest.approx(area)


def test_numbers_are_measured_in_their_own_units() -> None:
    made = fnn.train(fnn.Dense(1), "diabetes", epochs=5)
    part, fitted = made.prepared.split.test, made.prepared.preprocessing
    truth = made.prepared.dataset.target[part]
    said = fitted.decode(outputs(made, made.prepared.test))
    assert isinstance(made.run.objective.loss, fnn.losses.SquaredError)
    assert truth.std() > 50 and abs(made.prepared.train.target.std() - 1) < 1e-5
    for name, wanted in {
        "mse": judge.mean_squared_error,
        "mae": judge.mean_absolute_error,
        "r2": judge.r2_score,
    }.items():
        assert made.test[name] == pytest.approx(wanted(truth, said), rel=1e-5)
    assert made.history["validation_mse"][made.best.epoch - 1] == pytest.approx(
        made.validation["mse"], rel=1e-6
    )


def test_the_best_epoch_by_validation_loss_is_kept_by_default() -> None:
    options = {"optimizer": fnn.optimizers.Adam(0.3), "epochs": 12}
    made = train(**options)
    losses = made.history["validation_loss"]
    assert made.best == (np.argmin(losses) + 1, "loss", losses.min())
    assert made.best.epoch < 12
    assert made.validation["loss"] == pytest.approx(losses.min(), rel=1e-5)
    last = train(**options, selection=None)
    assert last.best is None
    chex.assert_trees_all_equal(last.params, made.run_state.params)


def test_without_validation_the_last_epoch_is_kept() -> None:
    parts = prepare(IRIS)
    made = train(parts._replace(validation=None))
    assert made.best is None and made.validation is None and made.run.selection is None
    chex.assert_trees_all_equal(made.params, made.run_state.params)
    assert train(parts._replace(test=None)).test is None
    assert train(epochs=2, validate_every=3).run.selection is None, "it would never be measured"


def test_a_batch_may_be_all_rows_or_what_suits_their_number() -> None:
    assert int(train(batch_size="full", epochs=1).run_state.step) == 1
    assert int(train(epochs=1).run_state.step) == 3
    assert [default_batch_size(rows) for rows in (9_999, 10_000)] == [32, 128]
    assert [default_epochs(rows) for rows in (90, 40_000, 10**9)] == [100, 50, 10]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("progress", [True, False])
def test_a_bar_is_drawn_and_taken_away(progress, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    train(progress=progress)
    drawn = sys.stderr.getvalue()
    assert ("epoch 3.0/3" in drawn) is progress
    blank = drawn[drawn.rfind("rows/s") :].split("\r")[1:]
    assert not progress or (blank and not "".join(blank).strip()), "the last is a line of blanks"


def test_a_bar_is_taken_away_when_a_logger_fails(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    looks: list[TrainingEvent] = []

    def fail(look: TrainingEvent) -> None:
        looks.append(look)
        if len(looks) == 2:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        train(epochs=50, loggers=[fail])
    assert not sys.stderr.getvalue().split("\r")[-1].strip()


def test_a_run_that_diverges_gives_what_it_had() -> None:
    with pytest.raises(
        DivergedError, match=r"left the finite numbers .* net\.layers\[\d\]"
    ) as caught:
        train(optimizer=fnn.optimizers.SGD(1e30))
    made = caught.value.fit
    assert made.status == "diverged"
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(made.params))


BINARY = (IRIS.inputs[:100], np.array(["a", "b"])[IRIS.target[:100]])


@pytest.mark.parametrize(
    ("net", "data", "options", "error", "words"),
    [
        (fnn.Dense(2), IRIS, {}, ShapeError, r"net: .*shape \(3,\), for 3 classes \(.*got \(2,\)"),
        (fnn.Dense(2), BINARY, {}, ShapeError, r"\(1,\), for 2 classes \(a, b\), one logit"),
        (
            fnn.Dense(3),
            "diabetes",
            {},
            ShapeError,
            r"for one number to predict; got \(3,\)",
        ),
        (NET, 5, {}, SpecError, "data: expected the name .*got int"),
        (NET, IRIS.inputs, {}, SpecError, "data: .*got ndarray"),
        (NET, frame(), {}, SpecError, r"got DataFrame: write fnn.data.from_frame\(frame, target\)"),
        (NET, "irsi", {}, FnnError, "irsi"),
        (NET, IRIS, {"fractions": (0.8, 0, 0.2), "selection": Selection()}, SpecError, "there are"),
        (NET, IRIS, {"selection": "last"}, SpecError, "selection: .*'last'"),
        (NET, IRIS, {"epochs": "3"}, SpecError, "whole number of epochs, got '3'"),
        (NET, IRIS, {"optimizer": "adm"}, SpecError, "did you mean 'adam'"),
        (NET, IRIS, {"metrics": ("r2",)}, SpecError, "metrics: r2 is for numbers"),
    ],
)
def test_what_does_not_fit_is_said(net, data, options, error, words) -> None:
    with pytest.raises(error, match=words):
        fnn.train(net, data, **options)


CLASSES_OF = np.digitize(np.linspace(-2, 2, 60), [-0.5, 0.5])
INPUTS = np.stack([np.linspace(-2, 2, 60), np.cos(np.arange(60))], axis=1)


@pytest.mark.parametrize(
    ("loss", "net", "target"),
    [
        ("cross_entropy", fnn.mlp([], 3), np.eye(3)[CLASSES_OF] / 2),
        ("binary_cross_entropy", fnn.mlp([], 1), INPUTS[:, 1]),
        ("squared_error", fnn.mlp([], 1), CLASSES_OF > 1),
        ("cross_entropy", fnn.mlp([], 2), CLASSES_OF > 1),
        ("binary_cross_entropy", fnn.mlp([], 3), CLASSES_OF),
    ],
)
def test_a_loss_that_does_not_suit_the_target(loss, net, target) -> None:
    with pytest.raises(fnn.SpecError, match=r"loss: \w+\(\) does not suit the target 'target'"):
        fnn.train(net, (INPUTS, target), loss=loss, epochs=1, progress=False)


@pytest.mark.parametrize(
    ("loss", "last", "target"),
    [
        ("probability_cross_entropy", fnn.Softmax(), CLASSES_OF),
        ("probability_binary_cross_entropy", fnn.Activation("sigmoid"), CLASSES_OF > 1),
    ],
)
def test_a_network_that_ends_in_probabilities_predicts_by_them(loss, last, target) -> None:
    """What `predict` says is as right as the metric says, on the test rows."""
    outputs = 3 if target.max() > 1 else 1
    made = fnn.train(
        fnn.Serial(fnn.Dense(outputs), last),
        (INPUTS, target),
        loss=loss,
        optimizer=fnn.optimizers.Adam(0.1),
        epochs=60,
        progress=False,
    )
    model = fnn.model.Model.of(made)
    rows = made.prepared.split.test
    dataset = made.prepared.dataset
    wanted = np.array(dataset.classes)[dataset.target[rows]]
    right = (model.predict(INPUTS[rows]) == wanted).mean()
    assert right == pytest.approx(made.test["accuracy"]) and right > 0.8
    own = np.asarray(model.apply(made.prepared.test.x))
    np.testing.assert_allclose(
        model.probabilities(INPUTS[rows])[:, -1], own[:, -1], rtol=1e-5, atol=1e-7
    )


def test_answers_are_from_0_to_1() -> None:
    run = fnn.Run(fnn.Objective(fnn.mlp([], 1), "binary_cross_entropy"), "adam", 16)
    rows = fnn.Batch(INPUTS, np.where(CLASSES_OF > 1, 1, -1))
    with pytest.raises(
        fnn.FnnError, match=r"rows\.target: expected answers from 0 to 1, got -1 at"
    ):
        fnn.fit(run, rows, epochs=1)


def test_yes_no_labels_are_trained_with_a_logit_each() -> None:
    """Labels that lines separate are learned, and measured as scikit-learn does."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    labels = x @ rng.normal(size=(3, 4)) > 0
    names = ("loss", "accuracy", "f1", "auc")
    options = {"epochs": 40, "progress": False, "optimizer": fnn.optimizers.Adam(0.03)}
    result = fnn.train(fnn.mlp([], 4), (x, labels), metrics=names, **options)
    assert str(result.run.objective.loss) == "BinaryCrossEntropy()"
    assert result.test is not None and result.test["accuracy"] > 0.95
    rows, fitted = result.prepared.split.test, result.prepared.preprocessing
    logits = result.run.objective.predict(result.params, result.state, fitted.encode(x[rows]))
    answers, truth = fitted.decode(logits), labels[rows]
    assert result.test["accuracy"] == pytest.approx((answers == truth).mean(), abs=1e-6)
    assert result.test["f1"] == pytest.approx(judge.f1_score(truth, answers, average="macro"))
    chances = fitted.probabilities(logits)
    assert result.test["auc"] == pytest.approx(judge.roc_auc_score(truth, chances), abs=1e-6)
    with pytest.raises(ShapeError, match="for 4 yes/no labels, one logit each; got"):
        fnn.train(fnn.mlp([], 3), (x, labels), epochs=1, progress=False)
    with pytest.raises(SpecError, match="which is yes/no labels: take BinaryCrossEntropy"):
        fnn.train(fnn.mlp([], 4), (x, labels), loss="cross_entropy", epochs=1, progress=False)


def test_a_batch_of_more_rows_than_there_are_is_all_of_them() -> None:
    """As `Run` says, and Keras and PyTorch do it."""
    options = {"epochs": 2, "progress": False, "optimizer": "sgd"}
    large = fnn.train(fnn.mlp([], 3), "iris", batch_size=500, **options)
    exact = fnn.train(fnn.mlp([], 3), "iris", batch_size=90, **options)
    assert int(large.run_state.step) == 2
    chex.assert_trees_all_equal(large.params, exact.params)
