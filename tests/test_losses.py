"""Losses and penalties: against Optax and NumPy, weights, corners, extremes, bad targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn.combinators import Repeat, Serial
from fnn.gradients import METHODS
from fnn.layers import Activation, BatchNorm, Dense, LayerNorm, Softmax
from fnn.losses import (
    L1,
    L2,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    ProbabilityBinaryCrossEntropy,
    ProbabilityCrossEntropy,
    SquaredError,
)
from fnn.objective import Batch, Objective, Policy, normalized_weights
from fnn.shapes import shape
from fnn.spec import named_leaves, numbers
from tests.cases import random_like

B, C = 6, 4


def normal(*axes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=axes)


# Against Optax and NumPy

CLASSES = np.array([0, 3, 1, 2, 3, 0])
ONE_HOT = np.eye(C)[CLASSES]
REAL = normal(B, C, seed=1)
YES = (REAL > 0).astype(np.int64)
SOFT = 1 / (1 + np.exp(-REAL))
ROWS = SOFT / SOFT.sum(-1, keepdims=True)
o = optax.losses
PEERS: list[tuple[Loss, np.ndarray, Callable[[Any, Any], Any]]] = [
    (SquaredError(), REAL, lambda z, t: o.squared_error(z, t).mean(-1)),
    (AbsoluteError(), REAL, lambda z, t: jnp.abs(z - t).mean(-1)),
    (Huber(), REAL, lambda z, t: o.huber_loss(z, t).mean(-1)),
    (Huber(0.3), REAL, lambda z, t: o.huber_loss(z, t, delta=0.3).mean(-1)),
    (BinaryCrossEntropy(), YES, lambda z, t: bce(z, t.astype(float))),
    (BinaryCrossEntropy(), SOFT, lambda z, t: bce(z, t)),
    (BinaryCrossEntropy(0.1), YES, lambda z, t: bce(z, 0.9 * t.astype(float) + 0.05)),
    (CrossEntropy(), CLASSES, o.softmax_cross_entropy_with_integer_labels),
    (CrossEntropy(), ONE_HOT, o.softmax_cross_entropy),
    (CrossEntropy(), ROWS, o.softmax_cross_entropy),
    (CrossEntropy(0.1), CLASSES, lambda z, t: o.softmax_cross_entropy(z, smooth(one_hot(t)))),
    (CrossEntropy(0.1), ONE_HOT, lambda z, t: o.softmax_cross_entropy(z, smooth(t))),
]
TWINS: list[tuple[Loss, Loss, np.ndarray, Any]] = [
    (BinaryCrossEntropy(), ProbabilityBinaryCrossEntropy(), YES, Activation("sigmoid")),
    (CrossEntropy(), ProbabilityCrossEntropy(), CLASSES, Softmax()),
]
"""a loss on logits, its twin on probabilities, targets, and what makes probabilities"""


def bce(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return o.sigmoid_binary_cross_entropy(logits, labels).mean(-1)


def smooth(rows: jax.Array) -> jax.Array:
    return o.smooth_labels(rows, 0.1)


def one_hot(classes: jax.Array) -> jax.Array:
    return jax.nn.one_hot(classes, C, dtype=float)


class Found(NamedTuple):
    value: np.ndarray
    manual: np.ndarray
    automatic: np.ndarray
    peer_value: np.ndarray
    peer: np.ndarray


@pytest.fixture(scope="module")
def found() -> list[Found]:
    """Every loss beside its peer, as one program."""

    @jax.jit
    def run(losses: Any, logits: Any, targets: Any) -> list[Found]:
        made = []
        for loss, target, (_, _, peer) in zip(losses, targets, PEERS, strict=True):
            value, pull = jax.vjp(lambda z, loss=loss, t=target: loss.per_example(z, t), logits)
            peer_value, pull_peer = jax.vjp(lambda z, peer=peer, t=target: peer(z, t), logits)
            ones = jnp.ones_like(value)
            manual = loss.gradient(logits, target)
            made.append(Found(value, manual, *pull(ones), peer_value, *pull_peer(ones)))
        return made

    losses = [numbers(loss) for loss, _, _ in PEERS]
    return jax.device_get(run(losses, 2 * normal(B, C), [target for _, target, _ in PEERS]))


@pytest.mark.parametrize("row", range(len(PEERS)), ids=lambda row: f"{row} {PEERS[row][0]}")
def test_value_and_gradient_are_the_peers(found: list[Found], row: int) -> None:
    made = found[row]
    assert made.value.shape == (B,)
    np.testing.assert_allclose(made.value, made.peer_value, rtol=1e-13, atol=1e-15)
    for gradient in (made.manual, made.automatic):
        np.testing.assert_allclose(gradient, made.peer, rtol=1e-13, atol=1e-15)


def test_probability_losses_equal_their_twins_near_the_middle() -> None:
    """Away from 0 and 1, where only the floor of 1e-8 tells them apart."""

    @jax.jit
    def run(z: Any, targets: Any) -> Any:
        values = []
        for (loss, twin, _, layer), target in zip(TWINS, targets, strict=True):
            p, _ = layer.apply({}, {}, z)
            values.append((loss.per_example(z, target), twin.per_example(p, target)))
        return values

    for logits, probabilities in run(normal(B, C), [target for _, _, target, _ in TWINS]):
        np.testing.assert_allclose(logits, probabilities, rtol=1e-6)


def test_class_numbers_of_any_integer_dtype() -> None:
    """Also where there are more classes than the dtype has numbers."""
    targets = [np.array([1, 100]).astype(name) for name in ("int64", "int32", "int8", "uint8")]

    @jax.jit
    def run(z: Any, targets: Any) -> Any:
        return [(CrossEntropy().per_example(z, t), CrossEntropy().gradient(z, t)) for t in targets]

    first, *others = run(normal(2, 300), targets)
    for other in others:
        chex.assert_trees_all_equal(other, first)


# Weights


@jax.jit
def score(objective: Objective, output: Any, batch: Batch) -> Any:
    """The objective's value, and its gradient at the output by hand and by `jax.grad`."""

    def value(output: Any) -> Any:
        return objective.score({}, {}, output, batch)[0]

    value, automatic = jax.value_and_grad(value)(output)
    return value, objective.output_gradient(output, batch), automatic


@pytest.mark.parametrize("weighted", ["no weights", "rows", "rows and times", "whole numbers"])
def test_weights(weighted: str) -> None:
    """Σ wℓ / Σw, and plainly the mean where no weights are given."""
    output, target = normal(B, 3, C), normal(B, 3, C, seed=1)
    weight = {
        "no weights": None,
        "rows": np.array([1.0, 0.0, 2.0, 0.5, 1.0, 3.0]),
        "rows and times": np.abs(normal(B, 3, seed=2)),
        "whole numbers": np.array([1, 0, 2, 5, 1, 3]),
    }[weighted]
    w = np.ones((B, 3)) if weight is None else weight.reshape(B, -1) * np.ones((B, 3))
    error = output - target
    expected = (w * (error**2).mean(-1)).sum() / w.sum()
    gradient = 2 * w[..., None] * error / C / w.sum()
    objective = Objective(Serial(), "squared_error")
    value, manual, automatic = score(objective, output, Batch(output, target, weight))
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(manual, gradient, rtol=1e-12)
    np.testing.assert_allclose(automatic, gradient, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_weights_of_zero(method: str) -> None:
    """Nothing to learn from: value 0 and gradients 0, not NaN."""
    net = Serial(Dense(5), BatchNorm(), Activation("tanh"), Dense(C))
    objective = Objective(net, "cross_entropy", policy=Policy("float64"))
    params, state = jax.eval_shape(lambda: objective.init(jax.random.key(0), shape(3)))
    params, state = random_like(params, 3), jax.tree.map(abs, random_like(state, 4))
    run = jax.jit(METHODS[method](objective))
    (value, aux), grads = run(params, state, Batch(normal(B, 3), CLASSES, np.zeros(B)))
    assert value == aux.loss == 0
    chex.assert_trees_all_equal(grads, jax.tree.map(np.zeros_like, params))


# Corners


@pytest.mark.parametrize("loss", [AbsoluteError(), Huber()], ids=repr)
def test_no_error_has_no_gradient(loss: Loss) -> None:
    """sign(0) = 0 by hand and by `jax.grad`, for −0 too."""
    output = np.array([[0.0, -0.0, 2.5, -2.5]])
    objective = numbers(Objective(Serial(), loss))
    value, manual, automatic = score(objective, output, Batch(output, output.copy()))
    assert value == 0
    np.testing.assert_array_equal(manual, np.zeros((1, 4)))
    np.testing.assert_array_equal(automatic, np.zeros((1, 4)))


def test_huber_has_no_corner_at_delta() -> None:
    output = np.array([[0.3, -0.3, np.nextafter(0.3, 1), 0.2, -0.7]])
    objective = numbers(Objective(Serial(), Huber(0.3)))
    _, manual, automatic = score(objective, output, Batch(output, np.zeros((1, 5))))
    expected = np.array([[0.3, -0.3, 0.3, 0.2, -0.3]]) / 5
    np.testing.assert_allclose(manual, expected, rtol=1e-14)
    np.testing.assert_allclose(automatic, expected, rtol=1e-14)


# Extremes


def test_extreme_logits_are_exact() -> None:
    """In float32, where e¹⁰⁰⁰⁰ is no number: the loss is the logits' difference, or 0."""
    far = np.array([1e4, -1e4], np.float32)

    z = np.repeat(far, 2)[:, None]
    t = np.array([0, 1, 0, 1])
    objective = numbers(Objective(Serial(), BinaryCrossEntropy()), jnp.float32)
    for row, (loss, slope) in enumerate([(1e4, 1), (0, 0), (0, 0), (1e4, -1)]):
        batch = Batch(z, t[row : row + 1])
        value, manual, automatic = score(objective, z[row : row + 1], batch)
        assert value.dtype == manual.dtype == automatic.dtype == jnp.float32
        assert (value, manual.item(), automatic.item()) == (loss, slope, slope)

    z = np.stack([far, far, far[::-1]])
    objective = numbers(Objective(Serial(), CrossEntropy()), jnp.float32)
    wrong = (2e4, [1, -1])
    for row, (label, (loss, slope)) in enumerate([(0, (0, [0, 0])), (1, wrong), (1, (0, [0, 0]))]):
        batch = Batch(z, np.array([label]))
        value, manual, automatic = score(objective, z[row : row + 1], batch)
        assert value.dtype == manual.dtype == automatic.dtype == jnp.float32
        assert value == loss
        np.testing.assert_array_equal(manual, [slope])
        np.testing.assert_array_equal(automatic, [slope])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", range(len(TWINS)), ids=["sigmoid", "softmax"])
def test_probabilities_lose_a_confidently_wrong_example(row: int, dtype: str) -> None:
    """At logits of ±40: the loss stops at −log 1e-8 = 18.4, and next to nothing is learnt.

    From the logits themselves the loss is 40 (80 between two classes) and the gradient 1.
    """
    loss, twin, _, layer = TWINS[row]
    z, target, gap = [
        (np.array([[40.0], [-40.0]]), np.array([0, 1]), 40),
        (np.array([[40.0, -40.0], [-40.0, 40.0]]), np.array([1, 0]), 80),
    ][row]
    z = z.astype(dtype)
    towards = np.sign(z)

    @jax.jit
    def run(loss: Loss, layers: Serial, z: jax.Array) -> Any:
        def values(z: jax.Array) -> jax.Array:
            y, _ = layers.apply({"layers": ({},)}, {"layers": ({},)}, z)
            return loss.per_example(y, target)

        y, _, tape = layers.forward({"layers": ({},)}, {"layers": ({},)}, z, train=True, key=None)
        manual, _ = layers.backward({"layers": ({},)}, tape, loss.gradient(y, target))
        losses, pull = jax.vjp(values, z)
        return losses, manual, *pull(jnp.ones_like(losses))

    losses, manual, automatic = run(loss, Serial(Activation("identity")), z)
    np.testing.assert_allclose(losses, gap, rtol=1e-6)
    np.testing.assert_allclose(manual, towards, rtol=1e-6)
    np.testing.assert_allclose(automatic, towards, rtol=1e-6)

    losses, manual, automatic = run(twin, Serial(layer), z)
    np.testing.assert_allclose(losses, -np.log(1e-8), rtol=1e-6)
    assert abs(np.asarray(manual)).max() < 1e-8
    assert abs(np.asarray(automatic)).max() < 1e-8


# Penalties

NET = Serial(Dense(3), BatchNorm(), Repeat(Serial(Dense(3), LayerNorm()), 2), Dense(2))


@pytest.mark.parametrize("penalty", [L1(0.1), L2(0.1)], ids=repr)
def test_penalties_touch_weights_only(penalty: Any) -> None:
    """By name: the biases, scales and shifts that Repeat stacks into matrices stay free."""
    params, _ = jax.eval_shape(lambda: NET.init(jax.random.key(0), shape(4, dtype=jnp.float64)))
    params = random_like(params, 3)
    leaves = named_leaves(params)
    weights = {path: leaf for path, leaf in leaves.items() if path.endswith(".weight")}
    assert {path: leaf.ndim for path, leaf in leaves.items() if leaf.ndim > 1}.keys() > set(weights)
    assert len(weights) == 3

    both = jax.jit(lambda p, params: (jax.value_and_grad(p.value)(params), p.gradient(params)))
    (value, automatic), manual = both(numbers(penalty), params)
    if isinstance(penalty, L1):
        expected = 0.1 * sum(np.abs(leaf).sum() for leaf in weights.values())
        slopes = {path: 0.1 * np.sign(leaf) for path, leaf in weights.items()}
    else:
        expected = 0.05 * sum((leaf**2).sum() for leaf in weights.values())
        slopes = {path: 0.1 * leaf for path, leaf in weights.items()}
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for gradient in (manual, automatic):
        for path, leaf in named_leaves(gradient).items():
            slope = slopes.get(path, np.zeros_like(leaf))
            np.testing.assert_allclose(leaf, slope, rtol=1e-14, err_msg=path)


def test_l1_at_zero() -> None:
    """sign(0) = 0 by hand and by `jax.grad`."""
    params = {"weight": np.array([[0.0, -0.0, 2.0, -3.0]])}
    expected = {"weight": np.array([[0, 0, 0.5, -0.5]])}
    chex.assert_trees_all_equal(L1(0.5).gradient(params), expected)
    chex.assert_trees_all_equal(jax.jit(jax.grad(L1(0.5).value))(params), expected)


def test_a_network_without_weights_has_no_penalty() -> None:
    assert L2(0.1).value({"layers": ({}, {"scale": np.ones(3)})}) == 0


def test_an_objective_adds_its_penalties() -> None:
    """To the value and both gradients, but not to `aux.loss`."""
    net, params = Serial(Dense(2)), {"layers": ({"weight": normal(3, 2), "bias": normal(2)},)}
    batch = Batch(normal(B, 3), normal(B, 2, seed=1))
    state = {"layers": ({},)}
    plain = Objective(net, "squared_error", policy=Policy("float64"))
    penalized = Objective(net, "squared_error", (L1(0.1), L2(0.3)), Policy("float64"))

    @jax.jit
    def run(objectives: Any) -> Any:
        return [
            differentiate(objective)(params, state, batch)
            for differentiate in METHODS.values()
            for objective in objectives
        ]

    made = run((numbers(plain), numbers(penalized)))
    weight = params["layers"][0]["weight"]
    for (less, _), grads in (made[0], made[2]):
        for (more, aux), penalized_grads in (made[1], made[3]):
            extra = 0.1 * np.abs(weight).sum() + 0.15 * (weight**2).sum()
            np.testing.assert_allclose(more, less + extra, rtol=1e-13)
            np.testing.assert_allclose(aux.loss, less, rtol=1e-13)
            slope = {"weight": 0.1 * np.sign(weight) + 0.3 * weight, "bias": np.zeros(2)}
            expected = jax.tree.map(lambda g, s: g + s, grads["layers"][0], slope)
            found = penalized_grads["layers"][0]
            chex.assert_trees_all_close(found, expected, rtol=1e-12, atol=1e-14)


def test_binary_cross_entropy_keeps_its_digits_where_it_is_small() -> None:
    """softplus(z) − z would be 0 in float32 from z = 17 on."""
    logits = np.float32([[10.0], [20.0], [60.0]])
    for sign, target in ((1, 1), (-1, 0)):
        made = BinaryCrossEntropy().per_example(
            sign * jnp.asarray(logits), jnp.full((3, 1), target)
        )
        np.testing.assert_allclose(made, np.log1p(np.exp(-np.float64(logits[:, 0]))), rtol=1e-6)


INF = float("inf")


@pytest.mark.parametrize(
    ("loss", "output", "target", "value"),
    [
        (CrossEntropy(), [0.0, 1.0, -INF], [0, 1, 0], np.log(1 + np.exp(-1))),
        (CrossEntropy(), [0.0, 1.0, -INF], [0, 0, 1], INF),
        (CrossEntropy(), [0.0, np.nan, 1.0], [0, 0, 1], np.nan),
        (BinaryCrossEntropy(), [INF, -INF, 0.0], [1, 0, 1], np.log(2) / 3),
        (BinaryCrossEntropy(), [INF, -INF, 0.0], [0, 0, 1], INF),
        (ProbabilityCrossEntropy(0.0), [0.25, 0.75, 0.0], [0, 1, 0], -np.log(0.75)),
        (ProbabilityBinaryCrossEntropy(0.0), [1.0, 0.0, 0.5], [1, 0, 1], np.log(2) / 3),
    ],
)
def test_a_target_of_zero_leaves_an_infinite_term_out(loss, output, target, value) -> None:
    z, t = jnp.array([output]), jnp.array([target], float)
    made, automatic = jax.value_and_grad(lambda z: loss.per_example(z, t)[0])(z)
    np.testing.assert_allclose(made, value, rtol=1e-12)
    if np.isfinite(value):
        manual = loss.gradient(z, t)
        assert np.isfinite(manual).all()
        np.testing.assert_allclose(manual, automatic, rtol=1e-12, atol=1e-15)


def test_no_rows_have_a_loss_of_zero() -> None:
    objective = numbers(Objective(Dense(2), SquaredError()))
    params, state = objective.init(jax.random.key(0), shape(3))
    none = Batch(jnp.zeros((0, 3)), jnp.zeros((0, 2)))
    for differentiate in METHODS.values():
        (value, aux), grads = differentiate(objective)(params, state, none, key=None)
        assert value == aux.loss == 0
        assert not any(leaf.any() for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("size", [1e38, 3e-38])
def test_equal_weights_are_weight_one_whatever_their_size(size) -> None:
    losses = jnp.arange(9, dtype=jnp.float32)
    made = normalized_weights(jnp.full(9, size, jnp.float32), losses)
    np.testing.assert_allclose(made, np.full(9, 1 / 9), rtol=1e-6)
