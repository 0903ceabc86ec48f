"""Calibration against scikit-learn, and the expected calibration error against a loop."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as sk

import fnn
from fnn import losses
from fnn.metrics import (
    brier,
    default_metrics,
    ece,
    higher_is_better,
    measure,
    nll,
    reliability,
)

NAMES = ("ece", "brier", "nll")
ROWS = 200
weighted = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
by_jit = jax.jit(measure, static_argnums=3)


def draw(classes: int, weighted: bool) -> tuple[np.ndarray, np.ndarray, Any]:
    """Probabilities that promise too much, class numbers, weights of which a fifth are 0."""
    rng = np.random.default_rng(classes)
    scores = rng.normal(size=(ROWS, classes))
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    target = (p.cumsum(1) > rng.uniform(size=(ROWS, 1))).argmax(1)
    sharp = np.exp(2 * scores) / np.exp(2 * scores).sum(1, keepdims=True)
    weight = rng.uniform(0, 3, ROWS) * (rng.uniform(size=ROWS) > 0.2)
    return sharp, target, weight if weighted else None


def ece_by_loop(p: np.ndarray, target: np.ndarray, bins: int, weight: Any = None) -> float:
    """As in Guo et al. 2017, eq. 3, a row at a time."""
    weight = np.ones(len(p)) if weight is None else weight
    total = 0.0
    for b in range(bins):
        rows, right, sure = 0.0, 0.0, 0.0
        for row, t, w in zip(p, target, weight, strict=True):
            if b / bins < row.max() <= (b + 1) / bins:
                rows += w
                right += w * (row.argmax() == t)
                sure += w * row.max()
        if rows:
            total += rows * abs(right / rows - sure / rows)
    return total / weight.sum()


@weighted
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_of_probabilities(classes: int, weighted: bool) -> None:
    p, target, weight = draw(classes, weighted)
    labels = range(classes)
    one = target == 1
    expected = sk.log_loss(target, p, sample_weight=weight, labels=labels)
    np.testing.assert_allclose(nll(p, target, weight=weight), expected, rtol=1e-12)
    expected = sk.brier_score_loss(target, p, sample_weight=weight, labels=labels)
    np.testing.assert_allclose(brier(p, target, weight=weight), expected, rtol=1e-12)
    for bins in (1, 10, 15):
        expected = ece_by_loop(p, target, bins, weight)
        np.testing.assert_allclose(ece(p, target, bins, weight=weight), expected, rtol=1e-12)
    if classes == 2:
        for score in (ece, brier, nll):
            both = score(p, target, weight=weight), score(p[:, 1], target, weight=weight)
            np.testing.assert_allclose(*both, rtol=1e-12)
        expected = sk.brier_score_loss(one, p[:, 1], sample_weight=weight)
        np.testing.assert_allclose(brier(p, target, weight=weight), expected, rtol=1e-12)


@weighted
def test_by_name_of_classes(weighted: bool) -> None:
    """From logits, from probabilities, from one-hot targets, under jit."""
    p, target, weight = draw(4, weighted)
    expected = {name: score(p, target, weight=weight) for name, score in SCORES.items()}
    for loss, output, known in (
        (losses.CrossEntropy(0.2), np.log(p) + 3, target),
        (losses.ProbabilityCrossEntropy(), p, target),
        (losses.CrossEntropy(), np.log(p), np.eye(4)[target]),
    ):
        found = by_jit(loss, output, known, NAMES, weight=weight)
        for name in NAMES:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, err_msg=name)


@weighted
@pytest.mark.parametrize("count", [1, 3])
def test_by_name_of_answers(count: int, weighted: bool) -> None:
    """Every answer is a row of two classes."""
    rng = np.random.default_rng(count)
    p = rng.uniform(size=(ROWS, count))
    target = (rng.uniform(size=p.shape) < p**2).astype(int)
    weight = rng.uniform(size=ROWS) if weighted else None
    each = None if weight is None else np.repeat(weight, count)
    for loss, output in (
        (losses.BinaryCrossEntropy(), np.log(p) - np.log1p(-p)),
        (losses.ProbabilityBinaryCrossEntropy(), p),
    ):
        found = by_jit(loss, output, target, NAMES, weight=weight)
        for name, score in SCORES.items():
            expected = score(p.ravel(), target.ravel(), weight=each)
            np.testing.assert_allclose(found[name], expected, rtol=1e-12, err_msg=name)


SCORES: dict[str, Any] = {"ece": ece, "brier": brier, "nll": nll}


def test_a_perfect_and_a_calibrated_network() -> None:
    """Right and sure; and right as often as it says, which its bins show."""
    sure = np.eye(3)[[0, 1, 2]]
    assert [float(score(sure, np.arange(3))) for score in SCORES.values()] == [0, 0, 0]
    p, target = np.full(10, 0.7), np.arange(10) < 7
    np.testing.assert_allclose(ece(p, target.astype(int)), 0, atol=1e-15)
    found = reliability(p, target.astype(int), 5)
    np.testing.assert_array_equal(found.rows, [0, 0, 0, 10, 0])
    np.testing.assert_allclose(found.accuracy, [np.nan] * 3 + [0.7, np.nan])
    np.testing.assert_allclose(found.confidence, [np.nan] * 3 + [0.7, np.nan])


def test_a_bin_holds_its_upper_edge() -> None:
    p = np.array([0.5, 0.75, 0.751, 1.0])
    found = reliability(np.stack([p, 1 - p], 1), np.zeros(4, int), 4)
    assert found.rows.tolist() == [0, 1, 1, 2]


def test_hopeless_rows() -> None:
    """Logits are exact where probabilities have come to an end; a class unknown is not hidden."""
    logits = np.array([[0.0, 2000.0]])
    told = by_jit(losses.CrossEntropy(), logits, np.array([0]), NAMES)
    assert told == {"ece": 1, "brier": 1, "nll": 2000}
    answer = by_jit(losses.BinaryCrossEntropy(), np.array([[2000.0]]), np.array([0]), NAMES)
    assert answer == {"ece": 1, "brier": 1, "nll": 2000}
    floored = {"float32": 87.33655, "float64": 708.39642}
    for dtype, most in floored.items():
        p = jnp.asarray([[0, 1]], dtype)
        np.testing.assert_allclose(nll(p, jnp.array([0])), most, rtol=1e-6)
    for score in SCORES.values():
        assert np.isnan(score(np.eye(3), np.array([0, 1, 3])))
        assert np.isnan(score(np.array([[np.nan, 0.5], [0.1, 0.9]]), np.array([0, 1])))


def test_they_are_metrics_of_classes() -> None:
    assert not any(higher_is_better(name) for name in NAMES)
    assert set(NAMES).isdisjoint(default_metrics(losses.CrossEntropy()))
    with pytest.raises(fnn.SpecError, match="brier is for classes, SquaredError is for numbers"):
        measure(losses.SquaredError(), np.ones((2, 1)), np.ones((2, 1)), ("brier",))
    with pytest.raises(fnn.SpecError, match="did you mean 'brier'"):
        measure(losses.CrossEntropy(), np.eye(2), np.array([0, 1]), ("brierr",))


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_shapes_that_do_not_fit(score: Any) -> None:
    with pytest.raises(fnn.ShapeError, match="class numbers need shape"):
        score(np.eye(3), np.zeros((3, 1), int))
    with pytest.raises(fnn.ShapeError, match="class numbers must be integers"):
        score(np.eye(3), np.zeros(3))


def test_a_million_rows_in_float32() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=1_000_003).astype(np.float32)
    target = (rng.uniform(size=p.size) < 0.2 + 0.6 * p).astype(np.int32)
    p64 = p.astype(np.float64)
    for name, score in SCORES.items():
        found = jax.jit(score)(p, target)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, score(p64, target), rtol=2e-6, err_msg=name)
