"""A run that leaves the finite numbers: the step, the layer and the leaf, and what is kept."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn.layer import Layer, is_weight
from fnn.losses.penalties import L2
from fnn.optimizers import SGD, Adam
from fnn.spec import FnnError, number, spec, with_numbers
from fnn.training import DivergedError, Selection, init_state
from fnn.training.divergence import explain
from fnn.training.host.in_memory import InMemorySource
from fnn.training.program.state import jit_init
from tests.cases import random_like

ROWS, SIZE, STEPS, EPOCHS = 23, 5, 5, 4
"""four batches of five rows and a ragged one of three"""
NEVER = -1.0


@spec("test_fault.v1")
class Fault(Layer):
    """y = x + bias, until at one training step something goes wrong."""

    output_at: float = number(default=NEVER)
    """y is NaN"""
    gradient_at: float = number(default=NEVER)
    """the gradient of the bias is infinite"""
    moment_at: float = number(default=NEVER)
    """the gradient of the bias is so large that its square is infinite"""
    state_at: float = number(default=NEVER)
    """a running statistic is infinite"""

    def init(self, key: Any, in_shape: Any) -> tuple[Any, Any]:
        bias = jnp.zeros(in_shape.shape[-1:], jnp.float32)
        return {"bias": bias}, {"count": jnp.float32(0), "mean": jnp.float32(0)}

    def forward(self, params: Any, state: Any, x: Any, *, train: bool, key: Any) -> Any:
        def at(step: Any) -> jax.Array:
            return jnp.logical_and(state["count"] == jnp.float32(step), train)

        bias = params["bias"].astype(x.dtype)
        factor = jnp.where(at(self.gradient_at) | at(self.moment_at), 1e25, 0.0).astype(x.dtype)
        twice = jnp.where(at(self.gradient_at), 1e25, 1.0).astype(x.dtype)
        nothing = bias - jax.lax.stop_gradient(bias)
        added = bias + nothing * twice * factor
        y = x + added[None] + jnp.where(at(self.output_at), jnp.nan, 0.0).astype(x.dtype)
        mean = jnp.where(at(self.state_at), jnp.inf, state["mean"])
        return y, {"count": state["count"] + float(train), "mean": mean}, (factor, twice)

    def backward(self, params: Any, tape: Any, dy: Any) -> Any:
        factor, twice = tape
        total = dy.sum(tuple(range(dy.ndim - 1)))
        return dy, {"bias": (total + total * factor * twice).astype(params["bias"].dtype)}


NET = fnn.Serial(
    fnn.Dense(3),
    Fault(),
    fnn.Residual(fnn.Repeat(Fault(), 2)),
    fnn.Parallel(fnn.Dense(3), Fault()),
    fnn.Dense(2),
)
RUN = fnn.Run(
    fnn.Objective(NET, "cross_entropy"),
    Adam(0.01),
    SIZE,
    metrics=("loss",),
    selection=Selection(patience=50.0),
)
X = np.asarray(random_like(fnn.shape(ROWS, 4), 1), np.float32)
DATA = fnn.Batch(X, np.arange(ROWS, dtype=np.int32) % 2)
INNER, BRANCH = "layers[2].inner.inner", "layers[3].branches[1]"


def diverged(run: fnn.Run, rows: fnn.Batch = DATA) -> DivergedError:
    with pytest.raises(DivergedError, match="left the finite numbers") as caught:
        fnn.fit(run, rows, DATA, epochs=EPOCHS)
    return caught.value


def planted(place: str, fault: str, step: int, gradient: str = "automatic") -> fnn.Run:
    run = fnn.replace(RUN, gradient=gradient)
    return with_numbers(run, {f"objective.net.{place}.{fault}": float(step)})


@pytest.mark.parametrize(
    ("place", "fault", "step", "words"),
    [
        ("layers[1]", "output_at", 0, "the output of net.layers[1] (Fault) has 15 of 15"),
        ("layers[1]", "output_at", 4, "the output of net.layers[1] (Fault) has 9 of 9"),
        ("layers[1]", "output_at", 19, "the output of net.layers[1] (Fault) has 9 of 9"),
        (INNER, "output_at", 5, f"the output of net.{INNER} (Fault) has 15 of 15"),
        (BRANCH, "gradient_at", 6, f"the gradient of net.{BRANCH}.bias (Fault) has 3 of 3"),
        (INNER, "gradient_at", 11, f"the gradient of net.{INNER}.bias (Fault) has 3 of 3"),
        ("layers[1]", "moment_at", 19, "the optimizer's [0].nu.layers[1].bias has 3 of 3"),
        (INNER, "moment_at", 9, f"the optimizer's [0].nu.{INNER}.bias has 6 of 6"),
        ("layers[1]", "state_at", 19, "the layers' state layers[1].mean is infinite"),
        (INNER, "state_at", 3, f"the layers' state {INNER}.mean has 2 of 2 entries infinite"),
    ],
)
@pytest.mark.parametrize("gradient", ["automatic", "manual"])
def test_a_planted_fault_is_found(place, fault, step, words, gradient) -> None:
    """At any step (in front, in the ragged batch, the last of all), in any leaf, in any nest.

    What is kept is the run as it stood before that step, to the bit.
    """
    error = diverged(planted(place, fault, step, gradient))
    epoch, index = divmod(step, STEPS)
    assert words in str(error)
    assert f"at step {index + 1} of epoch {epoch + 1} (step {step + 1} of the run)" in str(error)
    made = error.fit
    assert made.status == "diverged"
    assert int(made.run_state.step) == step and len(made.history.get("loss", ())) == epoch
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((made.params, made.state)))
    source = InMemorySource(made.run, DATA, DATA, None)
    begin = jit_init(init_state, "in_shape")(
        made.run, fnn.shape(4), seed=np.uint32(0), order_seed=np.uint32(0)
    )
    chex.assert_trees_all_equal(made.run_state, source.advance(begin, 0, step)[0])
    if epoch:
        best = int(np.argmin(made.history["validation_loss"])) + 1
        assert made.best is not None and made.best.epoch == best
        chex.assert_trees_all_equal(made.params, made.run_state.best.params)
    else:
        assert made.best is None
        chex.assert_trees_all_equal(made.params, made.run_state.params)


def test_infinite_rows_are_named_and_nothing_is_advised() -> None:
    x = X.copy()
    x[7, 2] = np.inf
    error = diverged(RUN, DATA._replace(x=x))
    assert str(error).endswith("the rows themselves: x has 1 of 20 entries infinite")


def test_a_rate_too_large_stops_the_run_at_the_step_that_fails() -> None:
    """The structure is that of the planted faults: only the rate is another."""
    error = diverged(with_numbers(RUN, {"learning_rate": 1e30}))
    last = error.fit.run_state
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last.params))
    resident = InMemorySource(error.fit.run, DATA, DATA, None)
    after, _ = resident.advance(last, int(last.step), int(last.step) + 1)
    assert not np.isfinite(float(after.loss_sum))
    assert "Try a smaller learning rate" in str(error)


LARGE = jnp.full((4, 3), 1e30, jnp.float32) * jnp.array([[1.0], [-1.0], [2.0], [3.0]], jnp.float32)
SMALL = LARGE * jnp.float32(1e-30)


@pytest.mark.parametrize(
    ("objective", "x", "weight", "words"),
    [
        (
            fnn.Objective(fnn.Serial(fnn.BatchNorm(), fnn.Dense(2)), "cross_entropy"),
            LARGE,
            1.0,
            "the layers' state layers[0].variance has 3 of 3 entries infinite",
        ),
        (
            fnn.Objective(fnn.mlp([2], 2), "cross_entropy", (L2(3e38),)),
            SMALL,
            2.0,
            "the gradient of penalties[0].layers[0].weight has 6 of 6 entries infinite",
        ),
        (
            fnn.Objective(fnn.mlp([2], 2), "cross_entropy", policy=fnn.Policy("bfloat16")),
            LARGE,
            1e9,
            "the output of net.layers[0] (Dense) has 8 of 8 entries infinite",
        ),
        (
            fnn.Objective(fnn.Residual(fnn.Dense(3)), "squared_error"),
            LARGE * 1e8,
            0.3,
            "the output of net (Residual) has",
        ),
        (
            fnn.Objective(fnn.Dense(1), "squared_error"),
            SMALL,
            1e20,
            "the loss of outputs from -3e+20 to 9e+20 is infinite",
        ),
        (
            fnn.Objective(fnn.Dense(1), "absolute_error"),
            SMALL,
            1e37,
            "the sum of the epoch's losses is infinite",
        ),
    ],
    ids=["running variance", "penalty", "bfloat16", "residual", "loss", "sum of losses"],
)
def test_what_overflows_is_named(objective, x, weight, words) -> None:
    run = fnn.numbers(fnn.Run(objective, SGD(0.1), 4), jnp.float32)
    state = init_state(run, fnn.shape_of(x), seed=0, order_seed=0)
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: jnp.full_like(leaf, weight) if is_weight(path) else leaf, state.params
    )
    state = state._replace(params=params)
    target = jnp.zeros(4, jnp.int32)
    if not isinstance(objective.loss, fnn.losses.CrossEntropy):
        target = jnp.zeros((4, 3 if isinstance(objective.net, fnn.Residual) else 1), jnp.float32)
    if "sum" in words:
        state = state._replace(loss_sum=jnp.float32(3e38))
    assert words in explain(run, state, fnn.Batch(x, target))


def test_an_initialization_that_overflows_is_an_error_of_its_own() -> None:
    net = fnn.Dense(2, weight_init=fnn.initializers.Normal(3e38))
    run = fnn.Run(fnn.Objective(net, "cross_entropy"), SGD(0.1), SIZE)
    with pytest.raises(FnnError, match=r"^net: the initial weight has \d of 8 entries infinite$"):
        fnn.fit(run, DATA, epochs=1)


def test_somebodys_own_optimizer_may_hold_infinities() -> None:
    """Optax's keeps a best value so far that starts from infinity."""
    hold = optax.GradientTransformation(
        lambda params: jnp.float32(jnp.inf), lambda grads, state, params=None: (grads, state)
    )
    run = fnn.Run(
        fnn.Objective(fnn.Dense(2), "cross_entropy"), optax.chain(optax.sgd(0.1), hold), 5
    )
    made = fnn.fit(run, DATA, epochs=1)
    assert made.status == "finished"
    state = made.run_state._replace(params=jax.tree.map(lambda p: p + 3e38, made.params))
    batch = fnn.Batch(jnp.ones((2, 4), jnp.float32), jnp.array([0, 1]))
    assert explain(made.run, state, batch).startswith("the output of net (Dense) has 4 of 4")
