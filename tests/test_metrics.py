"""Metrics against scikit-learn, and against what they promise beside it."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as sk

import fnn
from fnn import losses
from fnn.metrics import (
    check_metrics,
    confusion,
    default_metrics,
    evaluate,
    higher_is_better,
    measure,
    outputs,
    predicted,
)
from tests.compiling import AS_SHIPPED
from tests.user_layers import TwoInputs

OF_CLASSES = ("loss", "accuracy", "precision", "recall", "f1", "auc")
OF_QUANTITIES = ("loss", "mse", "mae", "r2")
ROWS = 90
by_jit = jax.jit(measure, static_argnums=3)
weighted = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


def draw(seed: int, columns: int, weighted: bool) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Scores, every second time with many ties, and weights of which a fifth are 0."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(ROWS, columns)) * 2
    weight = rng.uniform(0, 3, ROWS) * (rng.uniform(size=ROWS) > 0.2)
    return rng, np.round(scores) if seed % 2 else scores, weight if weighted else None


def softmax(scores: np.ndarray) -> np.ndarray:
    return np.asarray(jax.nn.softmax(jnp.asarray(scores)))


def ratios(true: Any, chosen: Any, weight: Any, average: str) -> dict[str, float]:
    settings: Any = {"average": average, "zero_division": 0, "sample_weight": weight}
    names = ("precision", "recall", "f1")
    return {name: getattr(sk, f"{name}_score")(true, chosen, **settings) for name in names}


def agree(found: Any, expected: dict[str, Any], rtol: float = 1e-12) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=rtol, atol=1e-15, err_msg=name)


@weighted
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_classes_are_as_in_scikit_learn(classes: int, weighted: bool) -> None:
    """The last class of 7 neither occurs nor is predicted: precision and the like leave it out.

    Weighted rows come as probabilities, of the output and of the target.
    """
    average, ovr = ("binary", {}) if classes == 2 else ("macro", {"multi_class": "ovr"})
    absent = classes == 7
    names = OF_CLASSES[:-1] if absent else OF_CLASSES
    for seed in range(6):
        rng, scores, weight = draw(seed, classes, weighted)
        if absent:
            scores[:, -1] = -50
        target = rng.integers(0, classes - absent, ROWS)
        scores[np.arange(ROWS), target] += 1
        p, chosen = softmax(scores), scores.argmax(1)
        if weighted:
            shown = (losses.ProbabilityCrossEntropy(), p, np.eye(classes)[target] * 0.9)
        else:
            shown = (losses.CrossEntropy(), scores, target)
        expected = ratios(target, chosen, weight, average)
        expected["accuracy"] = sk.accuracy_score(target, chosen, sample_weight=weight)
        if not absent:
            ranked = p[:, 1] if classes == 2 else p
            expected["auc"] = sk.roc_auc_score(target, ranked, sample_weight=weight, **ovr)
        agree(by_jit(*shown, names, weight=weight), expected)


@weighted
@pytest.mark.parametrize("count", [1, 4])
def test_answers_are_as_in_scikit_learn(count: int, weighted: bool) -> None:
    """Of four answers the mean over them; one answer has a target (N,), or (N, 1) if weighted."""
    average = "binary" if count == 1 else "macro"
    for seed in range(6):
        rng, scores, weight = draw(seed, count, weighted)
        target = (rng.normal(size=scores.shape) + scores > 0).astype(int)
        yes = (scores > 0).astype(int)
        flat = np.squeeze(target), np.squeeze(yes)
        if weighted:
            p = np.asarray(jax.nn.sigmoid(scores))
            shown = (losses.ProbabilityBinaryCrossEntropy(), p, target * 0.8)
        else:
            shown = (losses.BinaryCrossEntropy(), scores, flat[0])
        expected = ratios(*flat, weight, average)
        expected["accuracy"] = np.average((target == yes).mean(1), weights=weight)
        expected["auc"] = sk.roc_auc_score(flat[0], np.squeeze(scores), sample_weight=weight)
        agree(by_jit(*shown, OF_CLASSES, weight=weight), expected)


@weighted
@pytest.mark.parametrize("columns", [1, 3])
def test_quantities_are_as_in_scikit_learn(columns: int, weighted: bool) -> None:
    for seed in range(6):
        rng, scores, weight = draw(seed, columns, weighted)
        target = rng.normal(size=scores.shape) + scores
        target_scale = rng.uniform(0.1, 30, columns)
        shown = np.squeeze(target)
        found = by_jit(
            losses.Huber(), scores, shown, OF_QUANTITIES, weight=weight, target_scale=target_scale
        )
        pair = (target * target_scale, scores * target_scale)
        expected = {
            "mse": sk.mean_squared_error(*pair, sample_weight=weight),
            "mae": sk.mean_absolute_error(*pair, sample_weight=weight),
            "r2": sk.r2_score(*pair, sample_weight=weight),
        }
        agree(found, expected)
    one_unit = measure(losses.SquaredError(), scores, target, ("mse", "mae"), target_scale=2.0)
    plain = measure(losses.AbsoluteError(), scores, target, ("mse", "mae"))
    agree(one_unit, {"mse": 4 * plain["mse"], "mae": 2 * plain["mae"]})


@weighted
def test_the_best_k(weighted: bool) -> None:
    """As scikit-learn without ties; of equal scores the first classes are the best."""
    rng, scores, weight = draw(0, 7, weighted)
    target = rng.integers(0, 7, ROWS)
    names = ("top_1", "top_3", "top_5", "accuracy")
    found = by_jit(losses.CrossEntropy(), scores, target, names, weight=weight)
    expected = {
        f"top_{k}": sk.top_k_accuracy_score(target, scores, k=k, sample_weight=weight)
        for k in (1, 3, 5)
    }
    agree(found, expected | {"accuracy": expected["top_1"]})
    hits = jax.vmap(lambda row, t: by_jit(losses.CrossEntropy(), row, t, names[:2]))
    rows = np.array([[[0, 0, 0, 0, 0, 0, 0.0]]] * 4 + [[[np.nan] * 7]] * 3)
    told = hits(rows, np.array([[0], [1], [2], [3], [0], [6], [2]]))
    assert told["top_1"].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert told["top_3"].tolist() == [1, 1, 1, 0, 0, 0, 0]


LOSSES = [
    (losses.CrossEntropy(0.1), 3, "classes"),
    (losses.ProbabilityCrossEntropy(), 3, "classes"),
    (losses.BinaryCrossEntropy(), 1, "yes"),
    (losses.ProbabilityBinaryCrossEntropy(), 1, "yes"),
    (losses.SquaredError(), 2, "numbers"),
    (losses.AbsoluteError(), 1, "numbers"),
    (losses.Huber(0.5), 2, "numbers"),
]


@pytest.mark.parametrize(("loss", "width", "kind"), LOSSES, ids=lambda v: type(v).__name__)
def test_the_loss_is_the_objectives(loss: Any, width: int, kind: str) -> None:
    """With bfloat16, penalties, batch statistics and weights."""
    last = (fnn.Activation("sigmoid"),) if "Probability" in type(loss).__name__ else ()
    net = fnn.Serial(fnn.BatchNorm(), fnn.Dense(width), *last)
    objective = fnn.Objective(net, loss, (losses.L2(0.1),), fnn.Policy("bfloat16"))
    rng = np.random.default_rng(0)
    target = {
        "classes": rng.integers(0, 3, 23),
        "yes": rng.integers(0, 2, (23, 1)),
        "numbers": rng.normal(size=(23, width)).astype(np.float32),
    }[kind]
    x, weight = rng.normal(size=(23, 5)), rng.uniform(size=23)
    rows = fnn.Batch(np.float32(x), jnp.asarray(target), np.float32(weight))
    params, state = objective.init(jax.random.key(0), fnn.shape(5))
    _, aux = objective.value(params, state, rows, train=False)
    found = evaluate(objective, params, state, rows)
    assert tuple(found) == default_metrics(loss)
    assert {leaf.dtype for leaf in found.values()} == {jnp.dtype("float32")}
    agree(found, {"loss": aux.loss}, rtol=1e-6)


@pytest.mark.parametrize(("rows", "scans"), [(8, 0), (9, 1), (16, 1), (23, 1)])
def test_many_rows_go_in_chunks(rows: int, scans: int) -> None:
    """Of an input of two arrays, one of them integers."""
    objective = fnn.Objective(TwoInputs(4), "squared_error")
    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=(rows, 3)), "b": rng.integers(0, 5, (rows, 3))}
    params = {"weight": rng.normal(size=(3, 4))}
    program = jax.make_jaxpr(partial(outputs, objective, params, {}, chunk=8))(x)
    assert str(program).count("scan[") == scans
    found = outputs(objective, params, {}, x, chunk=8)
    expected = (x["a"] + x["b"]).astype(np.float32) @ params["weight"].astype(np.float32)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_no_more_than_a_chunk_is_in_memory() -> None:
    """4,096 hidden units for 8,192 rows would be 256 MiB in float64."""
    objective = fnn.Objective(fnn.mlp([4096], 1), "squared_error")
    rows = jax.ShapeDtypeStruct((8192, 2), "float64")
    params, state = jax.eval_shape(objective.init, jax.random.key(0), fnn.shape(2))
    program = jax.jit(outputs, static_argnames="chunk")
    used = program.lower(objective, params, state, rows, chunk=256).compile().memory_analysis()
    assert used.temp_size_in_bytes < 64 << 20


def test_only_what_is_asked_for_is_computed() -> None:
    x, t = np.zeros((6, 3)), np.zeros(6, int)
    told = jax.make_jaxpr(partial(measure, losses.CrossEntropy()), static_argnums=2)
    program = str(told(x, t, ("loss", "accuracy")))
    assert "argmax" in program and "sort" not in program and program.count(" exp ") == 1
    assert " exp " not in str(told(x, t, ("accuracy",)))


def test_members_are_lone_runs() -> None:
    rng = np.random.default_rng(0)
    scores, weight = rng.normal(size=(4, 30, 3)), rng.uniform(size=(4, 30))
    target = rng.integers(0, 3, 30)

    def one(scores: Any, weight: Any) -> Any:
        return measure(losses.CrossEntropy(), scores, target, OF_CLASSES, weight=weight)

    together = jax.jit(jax.vmap(one))(scores, weight)
    for index in range(4):
        member = {name: values[index] for name, values in together.items()}
        agree(member, jax.jit(one)(scores[index], weight[index]))


def test_axes_of_time_are_rows() -> None:
    """A weight a sequence counts for each of its steps."""
    rng = np.random.default_rng(0)
    scores, weight = rng.normal(size=(5, 4, 3)), rng.uniform(size=5)
    target = rng.integers(0, 3, (5, 4))
    flat = scores.reshape(20, 3), target.ravel()
    loss = losses.CrossEntropy()
    agree(
        by_jit(loss, scores, target, OF_CLASSES, weight=weight),
        by_jit(loss, *flat, OF_CLASSES, weight=np.repeat(weight, 4)),
    )
    target, loss = rng.normal(size=(5, 4, 3)), losses.SquaredError()
    agree(
        by_jit(loss, scores, target, OF_QUANTITIES),
        by_jit(loss, flat[0], target.reshape(20, 3), OF_QUANTITIES),
    )


def test_a_million_rows_in_float32() -> None:
    """Counts are exact, and a mean a million times the spread costs no digits."""
    rng = np.random.default_rng(0)
    count = 1_000_003
    score = rng.normal(size=count).astype(np.float32).round(4)
    target = (rng.uniform(size=count) < 0.3).astype(np.int32)
    chosen = (score > 0).astype(int)
    shipped = jax.jit(measure, static_argnums=3, compiler_options=AS_SHIPPED)
    found = shipped(losses.BinaryCrossEntropy(), score[:, None], target, OF_CLASSES)
    expected = {
        "accuracy": np.float32(np.mean(chosen == target)),
        "precision": np.float32(target[chosen == 1].mean()),
        "recall": np.float32(chosen[target == 1].mean()),
    }
    agree(found, expected, rtol=1e-7)
    agree(found, {"auc": sk.roc_auc_score(target, score)}, rtol=1e-6)
    true = (1e6 + rng.normal(size=count)).astype(np.float32)[:, None]
    near = (true + rng.normal(size=(count, 1)) / 2).astype(np.float32)
    found = shipped(losses.SquaredError(), near, true, OF_QUANTITIES)
    assert found["r2"].dtype == np.float32
    expected = sk.r2_score(true.astype(float), near.astype(float))
    agree(found, {"r2": expected}, rtol=1e-6)


def test_rows_without_weight_are_not_there() -> None:
    """Not even a class that only they have, nor an output that is far off."""
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    weight = np.ones(20)
    target[15:], scores[15:, 3], weight[15:] = 3, 9, 0
    loss, names = losses.CrossEntropy(), OF_CLASSES[:-1]
    scores[:15, 3] = -9
    found = by_jit(loss, scores, target, names, weight=weight)
    agree(found, by_jit(loss, scores[:15], target[:15], names))
    loss, target = losses.SquaredError(), np.full((20, 4), 0.1)
    target[15:] = [[7], [-7], [7], [7], [7]]
    found = by_jit(loss, scores, target, OF_QUANTITIES, weight=weight)
    agree(found, by_jit(loss, scores[:15], target[:15], OF_QUANTITIES))
    assert found["r2"] == 0


CLASS, YES, SQUARE = losses.CrossEntropy(), losses.BinaryCrossEntropy(), losses.SquaredError()
NAN = float("nan")
DEGENERATE = [
    ("a class that no row has", CLASS, np.eye(3), [0, 1, 1], None, {"auc": NAN, "f1": 5 / 9}),
    ("every row a yes", YES, [[1.0], [2.0]], [1, 1], None, {"auc": NAN, "recall": 1}),
    ("nothing said yes to", YES, [[-1.0], [-2.0]], [1, 0], None, {"precision": 0, "f1": 0}),
    ("all scores the same", YES, [[1.0], [1.0]], [1, 0], None, {"auc": 0.5, "accuracy": 0.5}),
    ("a score that is NaN", YES, [[NAN], [1.0]], [1, 0], None, {"auc": NAN, "loss": NAN}),
    ("minus zero ties with zero", YES, [[-0.0], [0.0]], [0, 1], None, {"auc": 0.5}),
    ("infinite scores", YES, [[-np.inf], [np.inf]], [0, 1], None, {"auc": 1, "accuracy": 1}),
    ("weights of 0", CLASS, np.eye(2), [0, 1], [0.0, 0.0], {"loss": 0, "accuracy": NAN, "f1": 0}),
    ("one row", SQUARE, [[1.0]], [[2.0]], None, {"r2": NAN, "mse": 1, "loss": 1}),
    ("a constant met", SQUARE, [[0.1]] * 3, [[0.1]] * 3, None, {"r2": 1, "mae": 0}),
    ("a constant missed", SQUARE, [[0.2], [0.1]], [[0.1]] * 2, None, {"r2": 0, "mae": 0.05}),
]


@pytest.mark.parametrize(("_", "loss", "output", "target", "weight", "expected"), DEGENERATE)
def test_degenerate(
    _: str, loss: Any, output: Any, target: Any, weight: Any, expected: Any
) -> None:
    weight = None if weight is None else np.array(weight)
    found = by_jit(loss, np.array(output), np.array(target), tuple(expected), weight=weight)
    assert found.keys() == expected.keys()
    agree(found, expected)


WRONG_NAMES = [
    (("acuracy",), CLASS, None, "unknown metric 'acuracy'; did you mean 'accuracy'"),
    (("top_0",), CLASS, None, "unknown metric 'top_0'"),
    (("auc",), SQUARE, None, "auc is for classes, SquaredError is for numbers"),
    (("loss", "r2"), YES, None, "r2 is for numbers, BinaryCrossEntropy is for classes"),
    (("top_3",), YES, None, "top_3 is for one class among many, BinaryCrossEntropy"),
    (("top_5",), CLASS, 5, "top_5 of 5 classes is always 1"),
    ("loss", CLASS, None, "expected names such as"),
    ((3,), CLASS, None, "expected names such as"),
]


@pytest.mark.parametrize(("names", "loss", "width", "told"), WRONG_NAMES)
def test_names_that_do_not_fit(names: Any, loss: Any, width: Any, told: str) -> None:
    with pytest.raises(fnn.SpecError, match=told):
        check_metrics(names, loss, width)


@fnn.spec("metrics_test_hinge.v1")
class Hinge(losses.Loss):
    """Somebody's own."""

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return jax.nn.relu(1 - output * target).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        raise NotImplementedError


def test_of_ones_own_loss_the_loss_is_known() -> None:
    assert default_metrics(Hinge()) == ("loss",)
    found = measure(Hinge(), np.zeros((3, 1)), np.ones((3, 1)), ("loss",))
    assert found == {"loss": 1}
    with pytest.raises(fnn.SpecError, match="of Hinge only 'loss' is known, not 'accuracy'"):
        measure(Hinge(), np.zeros((3, 1)), np.ones((3, 1)), ("accuracy",))


@fnn.spec("metrics_test_focal.v1")
class Focal(losses.Loss):
    """Lin et al. 2017: a loss of one's own for one class among C, on logits."""

    task = "classes"

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        log_p = jax.nn.log_softmax(output)
        log_p = jnp.take_along_axis(log_p, target[..., None], -1)[..., 0]
        return -jnp.square(1 - jnp.exp(log_p)) * log_p

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        raise NotImplementedError


@fnn.spec("metrics_test_hinge_of_answers.v1")
class HingeOfAnswers(losses.Loss):
    """A yes is a logit above 0."""

    task = "binary"

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        sign = jnp.where(target.reshape(output.shape) == 1, 1.0, -1.0)
        return jax.nn.relu(1 - output * sign).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        raise NotImplementedError


@fnn.spec("metrics_test_log_cosh.v1")
class LogCosh(losses.Loss):
    """Of numbers."""

    task = "regression"

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return jnp.log(jnp.cosh(output - target)).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        raise NotImplementedError


OWN = [
    (Focal(), losses.CrossEntropy(), (40, 3), (*OF_CLASSES, "top_2", "ece", "brier", "nll")),
    (HingeOfAnswers(), losses.BinaryCrossEntropy(), (40, 1), (*OF_CLASSES, "ece", "brier", "nll")),
    (LogCosh(), losses.SquaredError(), (40, 2), OF_QUANTITIES),
]


@pytest.mark.parametrize(("own", "known", "shape", "names"), OWN, ids=str)
def test_a_loss_of_ones_own_has_the_metrics_of_its_task(
    own: Any, known: Any, shape: tuple[int, int], names: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(0)
    output = rng.normal(size=shape)
    target = rng.normal(size=shape) if own.task == "regression" else rng.integers(3, size=40)
    if own.task == "binary":
        target = target % 2
    assert default_metrics(own) == default_metrics(known)
    found = measure(own, output, target, names)
    assert tuple(found) == names
    losses_by_row = own.per_example(jnp.asarray(output), jnp.asarray(target))
    np.testing.assert_allclose(found["loss"], losses_by_row.mean(), rtol=1e-12)
    others = measure(known, output, target, names)
    assert {**others, "loss": 0} == {**found, "loss": 0}
    if own.task != "regression":
        assert np.array_equal(predicted(own, output), predicted(known, output))
    check_metrics(names, own)
    with pytest.raises(fnn.SpecError, match=f"{type(own).__name__} is for"):
        check_metrics(["mse" if own.task != "regression" else "accuracy"], own)


def test_a_task_that_does_not_exist_is_refused_where_the_loss_is_declared() -> None:
    with pytest.raises(fnn.SpecError, match="Misspelt: unknown task 'class'; did you mean"):

        class Misspelt(losses.Loss):
            task = "class"


def test_which_way_is_better() -> None:
    lower = {name for name in (*OF_CLASSES, *OF_QUANTITIES, "top_3") if not higher_is_better(name)}
    assert lower == {"loss", "mse", "mae"}
    with pytest.raises(fnn.SpecError, match="did you mean 'loss'"):
        higher_is_better("los")


ONES = np.ones((4, 1))
WRONG_SHAPES = [
    (CLASS, np.ones((4, 3)), np.ones((4, 1), int), {}, "class numbers need shape"),
    (CLASS, np.ones((4, 3)), np.ones(4), {}, "class numbers must be integers"),
    (YES, np.ones((4, 2)), np.ones(4), {}, "the output has shape"),
    (
        SQUARE,
        ONES,
        ONES,
        {"target_scale": np.ones(2)},
        "the output has 1 columns, the target_scale shape",
    ),
    (SQUARE, ONES, ONES, {"weight": np.ones(3)}, "the weights"),
]


@pytest.mark.parametrize(("loss", "output", "target", "settings", "told"), WRONG_SHAPES)
def test_shapes_that_do_not_fit(
    loss: Any, output: Any, target: Any, settings: dict[str, Any], told: str
) -> None:
    """Also where the loss itself is not asked for."""
    name = "mse" if loss is SQUARE else "accuracy"
    with pytest.raises(fnn.ShapeError, match=told):
        measure(loss, output, target, (name,), **settings)


def test_no_rows() -> None:
    objective = fnn.Objective(fnn.Activation("relu"), "squared_error")
    with pytest.raises(fnn.ShapeError, match="at least one row"):
        outputs(objective, {}, {}, ONES[:0])


def test_what_is_predicted() -> None:
    assert predicted(CLASS, jnp.array([[0.1, 0.3], [2.0, 2.0]])).tolist() == [1, 0]
    assert predicted(YES, jnp.array([[-1.0], [0.4]])).tolist() == [0, 1]
    assert predicted(YES, jnp.array([[-1.0, 1.0]])).tolist() == [[0, 1]]
    p = losses.ProbabilityBinaryCrossEntropy()
    assert predicted(p, jnp.array([[0.4], [0.6]])).tolist() == [0, 1]
    with pytest.raises(fnn.SpecError, match="SquaredError has no classes"):
        predicted(SQUARE, jnp.ones((2, 1)))


def test_confusion() -> None:
    """Class 4 neither occurs nor is predicted and keeps its place."""
    rng = np.random.default_rng(0)
    chosen, target = rng.integers(0, 4, (2, 200))
    expected = sk.confusion_matrix(target, chosen, labels=range(5))
    np.testing.assert_array_equal(confusion(chosen, target.astype(np.uint8), 5), expected)
    scores = jnp.asarray(np.eye(5)[chosen])
    np.testing.assert_array_equal(confusion(scores, np.eye(5)[target], 5), expected)


@pytest.mark.parametrize(
    ("chosen", "target", "told"),
    [
        ([0, 1], [0, 3], "target: expected classes 0 … 2, got 3 at row 1"),
        ([0, -1], [0, 1], "predicted: expected classes 0 … 2, got -1 at row 1"),
        ([0, 1], [0], "2 rows are predicted, the target has 1"),
        ([[0.5], [1]], [0, 1], "predicted: expected class numbers"),
        ([0.0, 1], [0, 1], "predicted: expected class numbers"),
    ],
)
def test_confusion_of_what_does_not_fit(chosen: Any, target: Any, told: str) -> None:
    with pytest.raises(fnn.FnnError, match=told):
        confusion(np.array(chosen), np.array(target), 3)
