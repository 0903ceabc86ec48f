"""The engine: rows, seeds, segments, members, programs."""

from __future__ import annotations

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.losses import CrossEntropy, SquaredError
from fnn.optimizers import SGD, Adam
from fnn.spec import with_numbers
from fnn.training import train
from tests.cases import random_like

ROWS, CLASSES = 23, 3
RUN = fnn.Run(
    fnn.Objective(
        fnn.mlp([6], CLASSES, dropout=0.2, batch_norm=True),
        CrossEntropy(),
        policy=fnn.Policy("float64"),
    ),
    Adam(0.01),
    batch_size=5,
)
DATA = fnn.Batch(
    jnp.asarray(random_like(fnn.shape(ROWS, 4, dtype="float64"), 1)), jnp.arange(ROWS) % CLASSES
)
PLAIN = fnn.Run(
    fnn.Objective(fnn.mlp([], CLASSES), CrossEntropy(), policy=fnn.Policy("float64")),
    Adam(0.01),
    batch_size=5,
)
"""quick to compile"""

start = jax.jit(functools.partial(fnn.init_state, in_shape=fnn.shape(4, dtype="float64")))
programs = jax.jit(fnn.segment, static_argnames="capacity")


def segment(run: fnn.Run, state: fnn.RunState, epochs: int):
    """One program for any number of epochs, so that this file compiles few."""
    state, metrics = programs(fnn.numbers(run), state, DATA, DATA, epochs=epochs, capacity=10)
    return state, jax.tree.map(lambda leaf: leaf[:epochs], metrics)


def after(run: fnn.Run = RUN, epochs: int = 2, seed: int = 0, order_seed: int = 0):
    state = start(fnn.numbers(run), seed=seed, order_seed=order_seed)
    return segment(run, state, epochs)


def test_segments_cut_anywhere_give_the_same_bits() -> None:
    whole, metrics = after(epochs=4)
    state, first = after(epochs=2)
    state, second = segment(RUN, state, epochs=2)
    chex.assert_trees_all_equal(state, whole)
    joined = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second)
    chex.assert_trees_all_equal(joined, metrics)
    assert int(state.epoch) == 4
    assert int(state.step) == 4 * 5


def test_every_row_once_an_epoch_the_ragged_batch_included() -> None:
    """With a rate of 0 the epoch's mean loss is the mean over all rows, each counted once."""
    run = fnn.replace(PLAIN, optimizer=SGD(0.0))
    state, metrics = after(run, epochs=3)
    everything = fnn.evaluate(run.objective, state.params, state.state, DATA)
    np.testing.assert_allclose(metrics.loss, everything.loss, rtol=1e-13)


def test_one_step_is_an_optax_update() -> None:
    """A full-batch epoch of SGD is params − rate · gradient, by either gradient."""
    for gradient in ("automatic", "manual"):
        net = fnn.mlp([4], CLASSES, activation="tanh")
        objective = fnn.Objective(net, CrossEntropy(), policy=fnn.Policy("float64"))
        run = fnn.Run(objective, SGD(0.5), ROWS, gradient)
        before = start(fnn.numbers(run), seed=0, order_seed=0)
        state, _ = segment(run, before, epochs=1)

        def loss(params, objective=objective, state=before.state):
            return objective.value(params, state, DATA)[0]

        wanted = jax.tree.map(
            lambda p, g: p - 0.5 * g, before.params, jax.grad(loss)(before.params)
        )
        chex.assert_trees_all_close(state.params, wanted, rtol=1e-12)


def test_manual_and_automatic_train_alike() -> None:
    automatic, _ = after(epochs=4)
    manual, _ = after(fnn.replace(RUN, gradient="manual"), epochs=4)
    chex.assert_trees_all_close(manual.params, automatic.params, rtol=1e-9, atol=1e-12)


def test_a_member_of_a_sweep_is_the_lone_run() -> None:
    """Seeds and rates as axes: at most 1e-12 apart after 50 float64 steps."""
    rates = jnp.array([0.1, 0.3])

    @jax.jit
    def sweep(run, rates, seeds):
        def member(rate, seed):
            own = with_numbers(run, {"rate": rate})
            state = fnn.init_state(
                own, fnn.shape(4, dtype="float64"), seed=seed, order_seed=jnp.zeros((), int)
            )
            return fnn.segment(own, state, DATA, epochs=10)[0].params

        return jax.vmap(member)(rates, seeds)

    members = sweep(fnn.numbers(RUN), rates, jnp.arange(2))
    for index, rate in enumerate(rates):
        lone, _ = after(with_numbers(RUN, {"rate": float(rate)}), epochs=10, seed=index)
        mine = jax.tree.map(lambda leaf, i=index: leaf[i], members)
        chex.assert_trees_all_close(mine, lone.params, rtol=1e-12, atol=1e-12)


def test_seeds_decide_each_its_own_thing() -> None:
    same, _ = after()
    again, _ = after()
    other_order, _ = after(order_seed=1)
    other_seed, _ = after(seed=1)
    chex.assert_trees_all_equal(same, again)
    first = start(fnn.numbers(RUN), seed=0, order_seed=0)
    chex.assert_trees_all_equal(first.params, start(fnn.numbers(RUN), seed=0, order_seed=1).params)
    for other in (other_order, other_seed):
        weight = other.params["layers"][0]["weight"]
        assert not np.array_equal(weight, same.params["layers"][0]["weight"])


def test_equal_seeds_share_no_key() -> None:
    """`split(key)[i]` is `fold_in(key, i)`, so an order might have drawn what a layer drew."""
    seeded = jax.random.fold_in(jax.random.key(7), 0)
    state = fnn.init_state(fnn.numbers(PLAIN), fnn.shape(4, dtype="float64"), seed=7, order_seed=7)
    used = [
        *(jax.random.fold_in(state.order_key, epoch) for epoch in range(4)),
        *(jax.random.fold_in(state.step_key, step) for step in range(4)),
        *jax.random.split(seeded),
    ]
    assert np.array_equal(jax.random.key_data(state.step_key), jax.random.key_data(used[-1]))
    assert len({np.asarray(jax.random.key_data(key)).tobytes() for key in used}) == len(used)


def test_other_numbers_and_a_second_call_compile_nothing() -> None:
    after(epochs=1)
    compiled = programs._cache_size(), start._cache_size()
    for other in (
        RUN,
        fnn.from_json(fnn.to_json(RUN)),
        with_numbers(RUN, {"learning_rate": 0.2, "rate": 0.6, "epsilon": 1e-3, "b1": 0.5}),
    ):
        after(other, epochs=3)
    assert (programs._cache_size(), start._cache_size()) == compiled


def test_train_reports_and_joins_its_history() -> None:
    seen = []
    kept = train(
        PLAIN,
        DATA,
        DATA,
        epochs=5,
        epochs_per_call=2,
        report=lambda epoch, metrics: seen.append((epoch, float(metrics.loss))),
    )
    whole = train(PLAIN, DATA, DATA, epochs=5)
    assert [epoch for epoch, _ in seen] == [2, 4, 5]
    assert seen[1][1] == kept.history.loss[3]
    assert kept.history.validation.accuracy.shape == (5,)
    chex.assert_trees_all_equal(kept.state, whole.state)
    chex.assert_trees_all_equal(kept.history, whole.history)


def test_a_batch_larger_than_the_data_is_the_whole_data() -> None:
    small, full = (
        train(fnn.replace(PLAIN, batch_size=size), DATA, epochs=1) for size in (ROWS, 10 * ROWS)
    )
    chex.assert_trees_all_equal(small.state.params, full.state.params)
    assert int(full.state.step) == 1


def test_a_loss_that_is_not_finite_stops_the_run_and_says_where() -> None:
    run = fnn.Run(
        fnn.Objective(fnn.mlp([], 1), SquaredError(), policy=fnn.Policy("float64")), SGD(1e3), 4
    )
    rows = fnn.Batch(DATA.x, DATA.target.astype(float))
    with pytest.raises(fnn.FnnError, match=r"the loss became (inf|nan) in epoch \d+"):
        train(run, rows, epochs=50)


@pytest.mark.parametrize(
    ("epochs", "message"),
    [(0, "at least 1 epoch, got 0"), (-1, "got -1"), (2.5, "whole number"), (True, "whole number")],
)
def test_epochs(epochs, message) -> None:
    with pytest.raises(fnn.FnnError, match=message):
        train(PLAIN, DATA, epochs=epochs)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            DATA._replace(target=DATA.target[:-1]),
            "rows: expected as many rows in each array, got x",
        ),
        (DATA._replace(weight=np.ones(3)), r"target \(23,\), weight \(3,\)"),
        (jax.tree.map(lambda leaf: leaf[:0], DATA), "rows: expected at least one row, got none"),
        (DATA._replace(target=DATA.target + 1), r"rows.target: expected classes 0 … 2.* got 3 at"),
        (DATA._replace(target=DATA.target - 1), "got -1 at row 0"),
        (tuple(DATA), r"rows: expected fnn.Batch\(x, target\), got tuple"),
    ],
)
def test_rows_that_cannot_be_trained_on(rows, message) -> None:
    with pytest.raises(fnn.FnnError, match=message):
        train(PLAIN, rows, epochs=1)
    place = message.replace("rows", "validation", 1) if message.startswith("rows") else message
    with pytest.raises(fnn.FnnError, match=place):
        train(PLAIN, DATA, rows, epochs=1)


def test_somebodys_own_optax_transformation_trains() -> None:
    import optax

    run = fnn.Run(PLAIN.objective, optax.adam(0.01), 5)
    mine, theirs = train(PLAIN, DATA, epochs=2), train(run, DATA, epochs=2)
    chex.assert_trees_all_close(theirs.state.params, mine.state.params, rtol=1e-9)


@pytest.mark.parametrize(
    ("loss", "output", "target", "wanted"),
    [
        ("cross_entropy", [[2.0, 1.0], [0.0, 1.0], [3.0, 4.0]], [0, 1, 0], 2 / 3),
        ("cross_entropy", [[2.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], 0.5),
        ("binary_cross_entropy", [[0.3], [-0.2], [-4.0], [2.0]], [1, 1, 0, 1], 0.75),
        ("probability_binary_cross_entropy", [[0.3], [0.8]], [0, 1], 1.0),
    ],
)
def test_accuracy(loss, output, target, wanted) -> None:
    spec = fnn.Objective(fnn.Serial(), loss).loss
    found = fnn.metrics.accuracy(spec, jnp.asarray(output), jnp.asarray(target))
    assert found == pytest.approx(wanted)


def test_regression_has_no_accuracy() -> None:
    ones = jnp.ones((2, 1))
    assert fnn.metrics.accuracy(SquaredError(), ones, ones) is None
