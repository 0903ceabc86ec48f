"""Many members as one program: what they come to is what each comes to by itself.

More than 32,768 rows of all members together: from there on XLA of JAX 0.10 on a CPU gets fused
sums of sums wrong, which the losses and metrics have to avoid.
"""

from __future__ import annotations

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import xla
from fnn.layer import Example
from fnn.losses import Loss
from fnn.metrics import measure
from fnn.spec import examples

MEMBERS, ROWS = 1_200, 30
SEEN = [0, 1, 500, 1_092, 1_093, 1_150, 1_199]
CASES: dict[str, tuple[Any, int, list[str]]] = {
    "cross_entropy": (None, 4, ["accuracy", "f1", "precision", "top_2", "ece", "brier", "nll"]),
    "probability_cross_entropy": (None, 4, ["accuracy", "nll"]),
    "binary_cross_entropy": (None, 1, ["accuracy", "f1", "auc", "ece", "brier", "nll"]),
    "probability_binary_cross_entropy": (None, 2, ["accuracy"]),
    "squared_error": (None, 3, ["mse", "mae", "r2"]),
    "absolute_error": (None, 1, ["mae"]),
    "huber": (None, 3, ["mse"]),
}
each_loss = pytest.mark.parametrize("name", CASES)
weighted = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])


def problem(name: str, weighted: bool) -> tuple[Loss, jax.Array, jax.Array, jax.Array | None]:
    """A loss, outputs of all members, targets and weights, in float32."""
    _, width, _ = CASES[name]
    draw = np.random.default_rng(0)
    output = jnp.asarray(draw.normal(size=(MEMBERS, ROWS, width)), jnp.float32)
    target: Any = jnp.asarray(draw.normal(size=(ROWS, width)), jnp.float32)
    if "cross_entropy" in name:
        target = jnp.asarray(draw.integers(0, max(width, 2), ROWS), jnp.int32)
    if "binary" in name:
        target = jnp.asarray(draw.integers(0, 2, (ROWS, width)), jnp.int32)
    if name.startswith("probability"):
        output = jax.nn.softmax(output) if width > 2 else jax.nn.sigmoid(output)
    weight = jnp.asarray(draw.uniform(0.5, 2, ROWS), jnp.float32) if weighted else None
    return fnn.Objective(fnn.Dense(1), name).loss, output, target, weight


@each_loss
@weighted
@pytest.mark.parametrize("alone", [True, False], ids=["loss alone", "all metrics"])
def test_metrics(name: str, weighted: bool, alone: bool) -> None:
    loss, output, target, weight = problem(name, weighted)
    names = ["loss"] if alone else ["loss", *CASES[name][2]]

    def told(output: jax.Array) -> Any:
        # as an output comes out of a network: of an expression that can be fused
        return measure(loss, output * jnp.float32(1.25), target, names, weight=weight)

    many, one = jax.jit(jax.vmap(told))(output), jax.jit(told)
    for member in SEEN:
        for metric, expected in one(output[member]).items():
            np.testing.assert_allclose(many[metric][member], expected, 2e-4, 1e-6, err_msg=metric)


@weighted
@pytest.mark.parametrize("gradient", ["automatic", "manual"])
@pytest.mark.parametrize("last", ["dense", "layer_norm", "softmax"])
def test_values_and_gradients(gradient: str, last: str, weighted: bool) -> None:
    end = {"dense": [], "layer_norm": [fnn.LayerNorm()], "softmax": [fnn.layers.Softmax()]}[last]
    loss = "probability_cross_entropy" if last == "softmax" else "cross_entropy"
    net = fnn.Serial(fnn.Dense(5), fnn.LayerNorm(), fnn.Activation("relu"), fnn.Dense(4), *end)
    objective = fnn.numbers(fnn.Objective(net, loss), np.float32)
    _, _, target, weight = problem("cross_entropy", weighted)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(ROWS, 3)), jnp.float32)
    keys = jax.random.split(jax.random.key(0), MEMBERS)
    params, state = jax.jit(jax.vmap(lambda key: objective.init(key, fnn.shape(3))))(keys)
    differentiate = fnn.gradients.METHODS[gradient](objective)

    def told(params: Any, state: Any) -> Any:
        (value, _), grads = differentiate(params, state, fnn.Batch(x, target, weight))
        return value, grads

    many, one = jax.jit(jax.vmap(told))(params, state), jax.jit(told)
    for member in SEEN:
        own = jax.tree.map(lambda leaf: leaf[member], (params, state))  # noqa: B023
        expected = one(*own)
        found = jax.tree.map(lambda leaf: leaf[member], many)  # noqa: B023
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-3, 1e-5), found, expected)


NEW = [e for e in examples(Example) if isinstance(e.spec, fnn.RMSNorm | fnn.GroupNorm)]


@pytest.mark.parametrize("example", NEW, ids=lambda example: example.name)
def test_normalization(example: Example) -> None:
    """Forward and backward, each member with parameters and rows of its own."""
    layer, draw = fnn.numbers(example.spec, np.float32), np.random.default_rng(2)
    declared, _ = jax.eval_shape(lambda: layer.init(None, example.in_shape))

    def of(leaf: Any, *axes: int) -> jax.Array:
        return jnp.asarray(draw.normal(size=(MEMBERS, *axes, *leaf.shape)), jnp.float32)

    params = jax.tree.map(of, declared)
    x, dy = of(example.in_shape, ROWS), of(example.in_shape, ROWS)

    def run(params: Any, x: jax.Array, dy: jax.Array) -> Any:
        y, _, tape = layer.forward(params, {}, x * jnp.float32(1.25), train=True, key=None)
        return y, layer.backward(params, tape, dy)

    many, one = jax.jit(jax.vmap(run))(params, x, dy), jax.jit(run)
    for member in SEEN:
        own, found = (
            jax.tree.map(lambda leaf: leaf[member], tree)  # noqa: B023
            for tree in ((params, x, dy), many)
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-3, 1e-4), found, one(*own))


def test_a_sweep() -> None:
    """2,400 members, 36 rows to validate: the last of each thread's are as they are alone."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(72, 3)).astype(np.float32), draw.integers(0, 3, 72)
    rows = fnn.Batch(jnp.asarray(x[:36]), jnp.asarray(target[:36], jnp.int32))
    validation = fnn.Batch(jnp.asarray(x[36:]), jnp.asarray(target[36:], jnp.int32))
    run = fnn.Run(fnn.Objective(fnn.mlp([4], 3), "cross_entropy"), "adam", 12)
    made = fnn.sweep(run, rows, validation, over={"seed": range(2_400)}, epochs=1)
    for seed in (0, 1, 911, 1_199, 2_111, 2_399):
        alone = fnn.fit(run, rows, validation, epochs=1, seed=seed)
        for name in ("loss", "validation_loss"):
            told = made.outcomes[seed].history[name]
            np.testing.assert_allclose(told, alone.history[name], 1e-4, err_msg=f"{name} of {seed}")


@pytest.mark.parametrize("own", ["", "--xla_cpu_max_isa=AVX2"])
def test_what_xla_is_told(monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    """A setting of one's own stays."""
    monkeypatch.setenv("XLA_FLAGS", own)
    xla.configure()
    assert os.environ["XLA_FLAGS"].startswith(own)
    assert xla.SMALL_LOOPS in os.environ["XLA_FLAGS"]
    users = "--xla_backend_extra_options=other=1"
    monkeypatch.setenv("XLA_FLAGS", users)
    xla.configure()
    assert os.environ["XLA_FLAGS"] == users


def test_nothing_is_trained_on_a_jaxlib_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla, "jaxlib_version", "0.10.2")
    rows = fnn.Batch(jnp.zeros((4, 3)), jnp.zeros((4, 1)))
    run = fnn.Run(fnn.Objective(fnn.Dense(1), "squared_error"), "sgd", 2)
    for train in (
        lambda: fnn.fit(run, rows, epochs=1),
        lambda: fnn.sweep(run, rows, over={"seed": [0, 1]}, epochs=1),
    ):
        with pytest.raises(fnn.FnnError, match=r"0\.10\.2 .*39103.*pip install 'jax!=0\.10\.2'"):
            train()
