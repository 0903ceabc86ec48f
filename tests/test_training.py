"""The engine: rows, seeds, segments, members, programs."""

from __future__ import annotations

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.losses import CrossEntropy
from fnn.optimizers import SGD, Adam
from fnn.spec import with_numbers
from fnn.training import LastEpochs, MovingAverage, Selection, final_parameters
from fnn.training.program.shuffle import shuffled
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


STEPS = fnn.steps_per_epoch(RUN, DATA)
"""four batches of five rows, and the ragged one of three"""


def segment(run: fnn.Run, state: fnn.RunState, stop: int):
    """One program for any segment, so that this file compiles few."""
    begin, steps = int(state.step), fnn.steps_per_epoch(run, DATA)
    state, metrics = programs(
        fnn.numbers(run), state, DATA, DATA, start=begin, stop=stop, capacity=30
    )
    ended = stop // steps - begin // steps
    metrics = jax.device_get(metrics)
    assert not any(leaf[ended:].any() for leaf in jax.tree.leaves(metrics))
    return state, jax.tree.map(lambda leaf: leaf[:ended], metrics)


def after(run: fnn.Run = RUN, epochs: int = 2, seed: int = 0, order_seed: int = 0):
    state = start(fnn.numbers(run), seed=seed, order_seed=order_seed)
    return segment(run, state, epochs * fnn.steps_per_epoch(run, DATA))


WATCHED = fnn.replace(
    RUN,
    selection=Selection("accuracy", patience=3.0),
    averaging=LastEpochs(2),
    monitor=True,
    validate_every=2,
)


@pytest.mark.parametrize("run", [RUN, WATCHED], ids=["plain", "watched"])
@pytest.mark.parametrize("cuts", [(2 * STEPS,), (1,), (4,), (5, 6, 9, 10, 18), tuple(range(1, 20))])
def test_segments_cut_anywhere_give_the_same_bits(run, cuts) -> None:
    """At the ends of epochs, inside them, in front of and behind the ragged batch."""
    assert STEPS == 5
    whole, metrics = after(run, epochs=4)
    state, told = start(fnn.numbers(run), seed=0, order_seed=0), []
    for stop in (*cuts, 4 * STEPS):
        state, part = segment(run, state, stop)
        told.append(part)
    chex.assert_trees_all_equal(state, whole)
    joined = jax.tree.map(lambda *parts: np.concatenate(parts), *told)
    chex.assert_trees_all_equal(joined, metrics)
    assert int(state.epoch) == 4
    assert int(state.step) == 4 * STEPS


def test_every_row_once_an_epoch_the_ragged_batch_included() -> None:
    """With a rate of 0 the epoch's mean loss is the mean over all rows, each counted once."""
    run = fnn.replace(PLAIN, optimizer=SGD(0.0))
    state, metrics = after(run, epochs=3)
    everything = fnn.evaluate(run.objective, state.params, state.state, DATA)
    np.testing.assert_allclose(metrics.loss, everything["loss"], rtol=1e-13)


def test_one_step_is_an_optax_update() -> None:
    """A full-batch epoch of SGD is params − rate · gradient, by either gradient."""
    for gradient in ("automatic", "manual"):
        net = fnn.mlp([4], CLASSES, activation="tanh")
        objective = fnn.Objective(net, CrossEntropy(), policy=fnn.Policy("float64"))
        run = fnn.Run(objective, SGD(0.5), ROWS, gradient)
        before = start(fnn.numbers(run), seed=0, order_seed=0)
        state, _ = segment(run, before, stop=1)

        def loss(params, objective=objective, state=before.state):
            return objective.value(params, state, DATA)[0]

        grads = jax.device_get(jax.jit(jax.grad(loss))(before.params))
        wanted = jax.tree.map(lambda p, g: np.asarray(p) - 0.5 * g, before.params, grads)
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
            return fnn.segment(own, state, DATA, start=0, stop=10 * STEPS)[0].params

        return jax.vmap(member)(rates, seeds)

    members = sweep(fnn.numbers(RUN), rates, jnp.arange(2))
    for index, rate in enumerate(rates):
        lone, _ = after(with_numbers(RUN, {"rate": float(rate)}), epochs=10, seed=index)
        mine = jax.tree.map(lambda leaf, i=index: np.asarray(leaf)[i], members)
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
    state = start(fnn.numbers(PLAIN), seed=7, order_seed=7)
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


def test_manual_and_automatic_agree_after_50_steps() -> None:
    """At most 1e-12 apart (relative to the largest entry) in float64, dropout and all."""
    automatic, _ = after(epochs=10)
    manual, _ = after(fnn.replace(RUN, gradient="manual"), epochs=10)
    assert int(manual.step) == 50
    for path, mine in fnn.named_leaves(manual.params).items():
        theirs = fnn.named_leaves(automatic.params)[path]
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12 * abs(theirs).max())


def test_a_step_by_hand_is_the_programs() -> None:
    """At most 1e-12 apart after 50 steps: an eager loop over `fnn.step` against the segment."""
    run = fnn.numbers(PLAIN)
    state = begin = start(run, seed=0, order_seed=0)
    for number in range(50):
        epoch, index = divmod(number, STEPS)
        order = shuffled(jax.random.fold_in(begin.order_key, epoch), ROWS)
        here = order[index * 5 : (index + 1) * 5]
        batch = fnn.Batch(DATA.x[here], DATA.target[here])
        state, _ = fnn.step(run, state, batch)
    whole, _ = after(PLAIN, epochs=10)
    chex.assert_trees_all_close(state.params, whole.params, rtol=1e-12, atol=1e-13)


def test_a_full_batch_is_one_step_over_the_rows_as_they_stand() -> None:
    run = fnn.replace(PLAIN, batch_size="full", optimizer=SGD(0.5))
    state, _ = after(run, epochs=2)
    assert int(state.step) == 2
    larger, _ = after(fnn.replace(run, batch_size=10 * ROWS), epochs=2)
    chex.assert_trees_all_equal(state, larger)
    single, _ = after(fnn.replace(run, batch_size=1), epochs=1)
    assert int(single.step) == ROWS


def test_the_best_epoch_is_kept() -> None:
    """Selection on the device picks what NumPy picks from the history."""
    for metric, pick in (("loss", np.argmin), ("accuracy", np.argmax)):
        run = fnn.replace(PLAIN, optimizer=Adam(0.3), selection=Selection(metric))
        state, metrics = after(run, epochs=12)
        best = int(pick(metrics.validation[metric]))
        assert int(state.best.epoch) == best + 1
        assert float(state.best.value) == metrics.validation[metric][best]
        then, _ = after(run, epochs=best + 1)
        params, layers = final_parameters(run, state)
        chex.assert_trees_all_equal((params, layers), (then.params, then.state))


def test_patience_stops_and_freezes() -> None:
    """It stops `patience` epochs after the best, in the state that it had then."""
    run = fnn.replace(PLAIN, optimizer=Adam(0.9), selection=Selection("loss", patience=2.0))
    state, metrics = after(run, epochs=30)
    ended = int(state.epoch)
    assert ended == int(state.best.epoch) + 2 < 30
    assert not state.active
    assert np.isfinite(metrics.loss).all()
    assert metrics.trained[:ended].all() and not metrics.trained[ended:].any()
    then, _ = after(run, epochs=ended)
    chex.assert_trees_all_equal(state, then)
    longer = with_numbers(run, {"patience": 100.0})
    assert int(after(longer, epochs=30)[0].epoch) == 30
    stubborn = with_numbers(run, {"min_delta": 10.0})
    assert int(after(stubborn, epochs=30)[0].epoch) == 3, "only the first beats infinity by 10"


def test_validation_every_third_epoch() -> None:
    run = fnn.replace(PLAIN, validate_every=3, selection=Selection("loss"))
    state, metrics = after(run, epochs=7)
    seen = metrics.validated[:7]
    assert np.flatnonzero(seen).tolist() == [2, 5]
    _, all_of_them = after(fnn.replace(run, validate_every=1), epochs=7)
    np.testing.assert_array_equal(
        metrics.validation["loss"][seen], all_of_them.validation["loss"][seen]
    )
    assert int(state.best.epoch) in (3, 6)


def test_averages_are_numpys() -> None:
    """The moving average over steps and the mean over epochs, from states step by step."""
    decay, window = 0.9, 3
    states, state = [], start(fnn.numbers(PLAIN), seed=0, order_seed=0)
    for stop in range(1, 4 * STEPS + 1):
        state, _ = segment(PLAIN, state, stop)
        states.append(state.params["layers"][0]["weight"])
    weights = decay ** np.arange(len(states))[::-1]
    wanted = {
        MovingAverage(decay): np.tensordot(weights / weights.sum(), np.stack(states), axes=1),
        LastEpochs(window): np.mean(states[STEPS - 1 :: STEPS][-window:], axis=0),
        LastEpochs(9): np.mean(states[STEPS - 1 :: STEPS], axis=0),
    }
    for averaging, mean in wanted.items():
        run = fnn.replace(PLAIN, averaging=averaging)
        state, metrics = after(run, epochs=4)
        params, layers = final_parameters(run, state)
        np.testing.assert_allclose(params["layers"][0]["weight"], mean, rtol=1e-12)
        measured = fnn.evaluate(run.objective, params, layers, DATA)
        np.testing.assert_allclose(metrics.validation["loss"][-1], measured["loss"], rtol=1e-12)


def test_monitors_are_what_the_steps_say() -> None:
    """Against gradients and updates of single steps; a unit that can't fire is dead."""
    run = fnn.replace(
        PLAIN,
        objective=fnn.replace(PLAIN.objective, net=fnn.mlp([3], CLASSES)),
        optimizer=SGD(0.1),
        monitor=True,
    )
    state = start(fnn.numbers(run), seed=0, order_seed=0)
    state.params["layers"][0]["bias"] = jnp.full(3, -100.0).at[0].set(100.0)
    differentiate = jax.jit(fnn.gradients.automatic.value_and_grad(run.objective))
    norms, ratios = [], []
    for index in range(STEPS):
        order = shuffled(jax.random.fold_in(state.order_key, 0), ROWS)
        here = order[index * 5 : (index + 1) * 5]
        _, grads = differentiate(
            state.params, state.state, fnn.Batch(DATA.x[here], DATA.target[here])
        )
        before = np.asarray(state.params["layers"][2]["weight"])
        norms.append(np.linalg.norm(grads["layers"][2]["weight"]))
        state, metrics = segment(run, state, index + 1)
        moved = np.asarray(state.params["layers"][2]["weight"]) - before
        ratios.append(np.linalg.norm(moved) / np.linalg.norm(before))
    told = metrics.monitors
    np.testing.assert_allclose(
        told.gradient_norm["layers[2].weight"][0], np.mean(norms), atol=1e-12
    )
    np.testing.assert_allclose(told.update_ratio["layers[2].weight"][0], np.mean(ratios), atol=1e-9)
    assert told.dead_units["layers[0]"][0] == pytest.approx(2 / 3)
    assert told.dead_units["layers[2]"][0] == 0


def test_somebodys_own_optax_transformation_trains() -> None:
    import optax

    run = fnn.Run(PLAIN.objective, optax.adam(0.01), 5)
    (mine, _), (theirs, _) = after(PLAIN), after(run)
    chex.assert_trees_all_close(theirs.params, mine.params, rtol=1e-9)


def test_traced_steps_need_a_capacity() -> None:
    state = start(fnn.numbers(PLAIN), seed=0, order_seed=0)
    with pytest.raises(fnn.SpecError, match="capacity: expected a whole number"):
        jax.jit(lambda stop: fnn.segment(PLAIN, state, DATA, start=0, stop=stop))(5)
