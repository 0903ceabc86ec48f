"""Named networks, the perceptron's rule, and summaries counted by hand."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from experiments.perceptron import train_perceptron
from fnn.activations import LeakyReLU
from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.initializers import Glorot, He, Initializer, LeCun, Normal, Orthogonal
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm
from fnn.network_summary import summary
from fnn.networks import mlp, perceptron, residual_mlp
from fnn.shapes import shape
from fnn.spec import ShapeError, SpecError, spec

# Builders


@pytest.mark.parametrize(("theirs", "ours"), [("Sequential", "Serial"), ("Linear", "Dense")])
def test_names_from_other_libraries_are_answered(theirs: str, ours: str) -> None:
    with pytest.raises(AttributeError, match=f"write fnn.{ours}$"):
        getattr(fnn, theirs)


def test_mlp() -> None:
    relu = Activation("relu")
    he = He()
    assert mlp([8, 4], 3) == Serial(Dense(8, he), relu, Dense(4, he), relu, Dense(3))
    everything = mlp((8,), 3, activation="tanh", dropout=0.2, batch_norm=True)
    tanh = Activation("tanh")
    expected = Serial(Dense(8, bias_init=None), BatchNorm(), tanh, Dropout(0.2), Dense(3))
    assert everything == expected
    assert mlp([], 3) == Serial(Dense(3))
    made = mlp([8], 3, activation=LeakyReLU(0.2), weight_init=Orthogonal())
    assert made == Serial(
        Dense(8, "orthogonal"), Activation(LeakyReLU(0.2)), Dense(3, Orthogonal())
    )
    assert made.out_shape(shape(5)) == shape(3)


@pytest.mark.parametrize(
    ("init", "names"),
    [
        (He(), ("relu", "leaky_relu", "elu", "gelu", "silu", "mish")),
        (Glorot(), ("sigmoid", "tanh", "softplus", "identity", "step")),
        (LeCun(), ("selu",)),
    ],
    ids=repr,
)
def test_initializers_suit_the_activation(init: Any, names: tuple[str, ...]) -> None:
    for name in names:
        net = mlp([8], 3, activation=name)
        assert (net.layers[0].weight_init, net.layers[2].weight_init) == (init, Glorot())
        block = residual_mlp(8, 2, 3, activation=name).layers[1].inner.inner
        assert (block.layers[1].weight_init, block.layers[-1].weight_init) == (init, Glorot())


def test_residual_mlp() -> None:
    block = Serial(LayerNorm(), Dense(6, He()), Activation("relu"), Dropout(0.1), Dense(6))
    expected = Serial(Dense(6), Repeat(Residual(block), 3), LayerNorm(), Dense(2))
    net = residual_mlp(6, 3, 2, dropout=0.1)
    assert net == expected
    assert net.out_shape(shape(5)) == shape(2)
    assert len(residual_mlp(6, 3, 2).layers[1].inner.inner.layers) == 4
    params, _ = jax.eval_shape(lambda: net.init(jax.random.key(0), shape(5)))
    assert params["layers"][1]["inner"]["inner"]["layers"][1]["weight"].shape == (3, 6, 6)


def test_perceptron() -> None:
    assert perceptron(2) == Serial(Dense(2, Normal()), Activation("step"))


def test_unknown_names() -> None:
    with pytest.raises(SpecError, match="activation: unknown name 'rellu'; did you mean 'relu'"):
        mlp([8], 3, activation="rellu")
    with pytest.raises(SpecError, match=r"^hidden\[1\].units: expected at least 1, got 0"):
        mlp([8, 0], 3)


# The perceptron

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
AND, OR, XOR = (np.array([t], float).T for t in ([0, 0, 0, 1], [0, 1, 1, 1], [0, 1, 1, 0]))
EPOCHS = 100


@functools.partial(jax.jit, static_argnames="epochs")
def learn(params: Any, targets: Any, rates: Any, *, epochs: int = EPOCHS) -> Any:
    """Every target at every learning rate, both traced."""

    def one(target: Any, rate: Any) -> Any:
        net = perceptron()
        made = train_perceptron(net, params, X, target, epochs=epochs, learning_rate=rate)
        return made, net.apply(made.params, {"layers": ({}, {})}, X)[0]

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(targets, rates)


@pytest.fixture(scope="module")
def learned() -> Any:
    params = {"weight": np.array([[0.3], [-0.2]]), "bias": np.array([0.1])}
    targets, rates = np.stack([AND, OR, XOR]), np.array([0.01, 0.1, 1.0, 7.0])
    return jax.device_get(learn({"layers": (params, {})}, targets, rates))


@pytest.mark.parametrize("row", [0, 1], ids=["and", "or"])
def test_a_perceptron_learns_what_a_line_separates(learned: Any, row: int) -> None:
    """The mistakes reach 0 and stay 0, at any learning rate (Novikoff 1962)."""
    (_, mistakes), y = learned
    for member, wrong in zip(y[row], mistakes[row], strict=True):
        first = np.flatnonzero(wrong == 0)[0]
        assert 0 < first < EPOCHS
        assert (wrong[first:] == 0).all()
        np.testing.assert_array_equal(member, [AND, OR][row])


def test_a_perceptron_cannot_learn_xor(learned: Any) -> None:
    """No line separates it (Minsky & Papert 1969): never an epoch without a mistake."""
    (_, mistakes), y = learned
    assert mistakes.shape == (3, 4, EPOCHS)
    assert mistakes[2].min() > 0
    assert (y[2] != XOR).any(axis=(1, 2)).all()


def test_rosenblatts_rule_by_hand() -> None:
    """One epoch on AND at rate ½: only the points that are wrong move the weights."""
    params = {"layers": ({"weight": np.zeros((2, 1)), "bias": np.zeros(1)}, {})}
    (found, mistakes), _ = learn(params, AND[None], np.array([0.5]), epochs=2)
    weight, bias = np.zeros((2, 1)), np.zeros(1)
    wrong = []
    for _ in range(2):
        wrong.append(0)
        for x, t in zip(X, AND, strict=True):
            error = t - (x @ weight + bias >= 0)
            weight, bias = weight + 0.5 * np.outer(x, error), bias + 0.5 * error
            wrong[-1] += int(error[0] != 0)
    np.testing.assert_array_equal(found["layers"][0]["weight"][0, 0], weight)
    np.testing.assert_array_equal(found["layers"][0]["bias"][0, 0], bias)
    np.testing.assert_array_equal(mistakes[0, 0], wrong)


def test_several_perceptrons_learn_side_by_side() -> None:
    """Units don't share anything: AND and OR at once are AND and OR alone."""
    params = {"layers": ({"weight": np.zeros((2, 2)), "bias": np.zeros(2)}, {})}
    both = np.concatenate([AND, OR], 1)
    made = jax.jit(lambda: train_perceptron(perceptron(2), params, X, both, epochs=20))()
    assert made.mistakes[-1] == 0
    y, _ = perceptron(2).apply(made.params, {"layers": ({}, {})}, jnp.asarray(X))
    np.testing.assert_array_equal(y, both)


# Summaries


def figures(net: Any, in_shape: Any) -> list[tuple[str, int, int, int, int]]:
    rows = summary(net, in_shape).rows
    return [(row.path, row.times, row.parameters, row.flops, row.bytes) for row in rows]


def dense(i: int, o: int) -> tuple[int, int, int]:
    """Parameters, FLOPs per example, bytes in float32."""
    return i * o + o, 2 * i * o + o, 4 * (i * o + o)


def test_summary_of_layers() -> None:
    net = Serial(Flatten(2), Dense(8), Activation("relu"), Dropout(0.1), Dense(3, bias_init=None))
    assert figures(net, shape(5, 4)) == [
        ("layers[0]", 1, 0, 0, 0),
        ("layers[1]", 1, *dense(20, 8)),
        ("layers[2]", 1, 0, 8, 0),
        ("layers[3]", 1, 0, 0, 0),
        ("layers[4]", 1, 24, 48, 96),
    ]
    total = summary(net, shape(5, 4))
    assert (total.parameters, total.flops, total.bytes) == (192, 384, 768)
    assert [row.out_shape.shape for row in total.rows] == [(20,), (8,), (8,), (8,), (3,)]


def test_summary_counts_state() -> None:
    """BatchNorm keeps a mean, a variance and one number; float64 takes twice the memory."""
    for dtype, size in (("float32", 4), ("bfloat16", 4), ("float64", 8)):
        (row,) = summary(BatchNorm(), shape(6, dtype=jnp.dtype(dtype))).rows
        assert (row.parameters, row.bytes) == (12, size * (12 + 13))


@pytest.mark.parametrize("tied", [False, True])
def test_summary_of_a_repeat(tied: bool) -> None:
    """Tied: one set of parameters, `times` times the arithmetic, and state for each depth."""
    net = Repeat(Serial(Dense(5), BatchNorm()), 3, tied=tied)
    sets = 1 if tied else 3
    parameters, flops, size = dense(5, 5)
    first, second = figures(net, shape(5))
    assert first == ("inner.layers[0]", 3, sets * parameters, 3 * flops, sets * size)
    assert second[:3] == ("inner.layers[1]", 3, sets * 10)
    assert second[4] == sets * 40 + 3 * 44
    assert figures(Repeat(net, 2, tied=True), shape(5))[0][1:] == (
        6,
        sets * parameters,
        6 * flops,
        sets * size,
    )
    assert figures(Repeat(net, 2), shape(5))[0][2] == 2 * sets * parameters


def test_summary_of_branches() -> None:
    """A row for every layer in a Residual and a Parallel, by its path."""
    net = Serial(
        Residual(Dense(4), Dense(4, bias_init=None)),
        Parallel(Dense(2), Serial(Dense(3), Dense(2)), join="concatenate"),
    )
    assert figures(net, shape(5)) == [
        ("layers[0].inner", 1, *dense(5, 4)),
        ("layers[0].shortcut", 1, 20, 40, 80),
        ("layers[1].branches[0]", 1, *dense(4, 2)),
        ("layers[1].branches[1].layers[0]", 1, *dense(4, 3)),
        ("layers[1].branches[1].layers[1]", 1, *dense(3, 2)),
    ]


@pytest.mark.parametrize(
    "net",
    [mlp([8, 4], 3, batch_norm=True), residual_mlp(6, 3, 2), Repeat(Serial(Dense(5)), 2, True)],
    ids=["mlp", "residual mlp", "tied"],
)
def test_summary_totals_are_those_of_the_arrays(net: Any) -> None:
    total = summary(net, shape(5))
    params, state = jax.eval_shape(lambda: net.init(jax.random.key(0), shape(5)))
    leaves = jax.tree.leaves(params)
    assert total.parameters == sum(leaf.size for leaf in leaves)
    memory = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves + jax.tree.leaves(state))
    assert total.bytes == memory


def test_summary_as_text() -> None:
    """A row a layer, a header, totals; columns line up."""
    net = mlp([128, 64], 10, dropout=0.1)
    lines = str(summary(net, shape(784))).splitlines()
    assert len(lines) == 1 + 1 + 7 + 1 + 1
    header, rule, *rows, _, total = lines
    assert header.split() == ["path", "layer", "output", "parameters", "FLOPs/example", "bytes"]
    assert set(rule) == {"─"}
    assert len({len(line) for line in lines}) == 1
    assert [row.split()[0] for row in rows] == [f"layers[{index}]" for index in range(7)]
    assert rows[0].split()[-4:] == ["(128,)", "100,480", "200,832", "401,920"]
    assert total.split() == ["total", "109,386", "218,762", "437,544"]
    assert " × 3 " in str(summary(residual_mlp(6, 3, 2), shape(5)))


@spec("test_traced.v1")
class Traced(Initializer):
    """Draws no numbers, and refuses where numbers are asked for."""

    def draw(self, key: Any, shape: Any, dtype: Any) -> Any:
        drawn = jnp.zeros(shape, dtype)
        assert isinstance(drawn, jax.core.Tracer)
        return drawn


def test_summary_computes_nothing() -> None:
    """Four terabytes of weights, counted in no time and no memory."""
    net = Serial(Dense(10**6, Traced()), Activation("relu"), Dense(1, Traced()))
    assert summary(net, shape(10**6)).bytes == 4 * (10**12 + 10**6 + 10**6 + 1)


def test_summary_of_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"^layers\[0\]: Dense\(units=8\) expects floating-point"):
        summary(Serial(Dense(8)), shape(5, dtype=jnp.int32))
