"""The host's side of a run: looks, loggers, signals, programs, and what comes back."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.optimizers import SGD, Adam
from fnn.spec import FnnError, SpecError, with_numbers
from fnn.spec import replace as spec_replace
from fnn.training import LastEpochs, MovingAverage, Progress, Selection, evaluation_parameters
from fnn.training.host import fit as host_fit
from fnn.training.host import loop
from fnn.training.host.in_memory import CAPACITY, InMemorySource
from fnn.training.policy.selection import has_patience, initial_best
from tests.cases import random_like
from tests.user_layers import TwoInputs

ROOT = Path(__file__).parents[1]
ROWS, SIZE, STEPS = 23, 5, 5
RUN = fnn.Run(
    fnn.Objective(fnn.mlp([4], 3, dropout=0.1), "cross_entropy"),
    Adam(0.1),
    SIZE,
    selection=Selection("loss", patience=1000.0),
)
"""One structure for most of this file: to compile it takes longer than all that is run."""
X = np.asarray(random_like(fnn.shape(ROWS, 4), 1), np.float32)
DATA = fnn.Batch(X, np.arange(ROWS, dtype=np.int32) % 3)
EARLY = with_numbers(RUN, {"selection.patience": 2.0, "learning_rate": 0.5})


def fit(run: fnn.Run = RUN, epochs: int = 6, **options) -> fnn.training.FitResult:
    return fnn.fit(run, DATA, DATA, epochs=epochs, **options)


def same(made: fnn.training.FitResult, other: fnn.training.FitResult) -> None:
    """To the bit, whatever the clock says."""
    for mine, theirs in zip(_told(made), _told(other), strict=True):
        chex.assert_trees_all_equal(mine, theirs)
    assert (made.best, made.status) == (other.best, other.status)


def _told(made: fnn.training.FitResult):
    return made.params, made.state, made.history, made.run_state


@pytest.fixture
def handlers():
    """The handlers of the signals, which must be the same afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("run", [RUN, EARLY], ids=["all epochs", "early"])
def test_neither_looks_nor_loggers_nor_a_bar_change_a_bit(run, monkeypatch) -> None:
    epochs, looks = 12, []
    whole = fit(run, epochs)
    assert whole.status == ("stopped early" if run is EARLY else "finished")
    monkeypatch.setattr(loop, "EVENT_SECONDS", 0.0)  # a step at a time
    monkeypatch.setattr(sys, "stderr", Terminal())
    same(fit(run, epochs, loggers=[looks.append, Progress()]), whole)
    assert [look.step for look in looks] == list(range(1, len(looks) + 1))
    assert len(looks) == int(whole.run_state.step)
    told = [record for look in looks for record in look.ended]
    assert [record["epoch"] for record in told] == list(range(1, len(whole.history["loss"]) + 1))
    for name, values in whole.history.items():
        assert [record[name] for record in told] == values.tolist()
    assert looks[-1].epoch == len(told) and looks[-1].epochs == epochs
    monkeypatch.setattr(loop, "EVENT_SECONDS", 1e9)  # one step, then sixteen times as many, …
    same(fit(run, epochs), whole)


def test_early_stopping_keeps_the_best_epoch() -> None:
    made = fit(EARLY, epochs=200)
    assert made.status == "stopped early"
    losses = made.history["validation_loss"]
    assert made.best.epoch == np.argmin(losses) + 1 == len(losses) - 2
    assert len(losses) == int(made.run_state.epoch)
    assert made.best[1:] == ("loss", losses.min())
    chex.assert_trees_all_equal(made.params, fit(EARLY, epochs=made.best.epoch).run_state.params)
    assert np.isfinite(losses).all()


def test_what_comes_back() -> None:
    made = fit()
    assert made.status == "finished"
    assert list(made.history) == ["loss", "validation_loss", "validation_accuracy"]
    assert {len(values) for values in made.history.values()} == {6}
    timing = made.timing
    assert 0 < timing.seconds < 60 and 0 < timing.compile_seconds < 60
    assert timing.examples_per_second == pytest.approx(6 * ROWS / timing.seconds)
    assert timing.device == jax.devices()[0].device_kind


def test_other_numbers_seeds_and_lengths_compile_nothing() -> None:
    fit()
    compiled = []

    def note(event: str, seconds: float, **_: object) -> None:
        if "compile" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    for run in (
        RUN,
        fnn.from_json(fnn.to_json(RUN)),
        with_numbers(RUN, {"learning_rate": 0.2, "patience": 3.0, "min_delta": 0.1, "rate": 0.3}),
    ):
        fit(run)
    fit(epochs=9, seed=2**32 - 1, order_seed=np.int64(7), loggers=[print])
    assert not compiled
    jax.jit(lambda x: x + 1)(1.0)
    assert compiled, "the listener hears"
    jax.monitoring.clear_event_listeners()


def test_stop_is_a_function() -> None:
    for call in (fit, functools.partial(fnn.ensemble, RUN, DATA, DATA, epochs=1)):
        with pytest.raises(SpecError, match="stop: expected a function without arguments, got 1"):
            call(stop=1)


@pytest.mark.parametrize(
    ("loggers", "said"),
    [
        (print, "loggers: expected a sequence of functions"),
        ("ab", "loggers[0]: expected a function, got 'a'"),
        ([print, 3], "loggers[1]: expected a function, got 3"),
    ],
)
def test_loggers_are_functions(loggers: Any, said: str) -> None:
    """Said before anything is computed."""
    for call in (fit, functools.partial(fnn.train, fnn.Dense(3), "iris", epochs=1)):
        with pytest.raises(SpecError, match=re.escape(said)):
            call(loggers=loggers)


def digest() -> str:
    """What a run came to, bit for bit."""
    leaves = jax.tree.leaves((fit().params, fit().history))
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()


def test_two_processes_reach_the_same_bits() -> None:
    code = "import tests.conftest; from tests.test_fit import digest; print(digest())"
    there = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert there.strip() == digest()


class Asked:
    """A `stop` that says so from the event on that fulfils a condition, which is its logger."""

    def __init__(self, when: Callable[[fnn.training.TrainingEvent], bool], value: int) -> None:
        self.when, self.value, self.met = when, value, False

    def log(self, event: fnn.training.TrainingEvent) -> None:
        self.met = self.met or self.when(event)

    def __call__(self) -> int:
        return self.value if self.met else 0


@pytest.mark.parametrize("value", [2, 15, True, -1])
def test_stop_ends_the_run_with_what_was_reached(value, monkeypatch) -> None:
    monkeypatch.setattr(loop, "EVENT_SECONDS", 0.0)
    stop = Asked(lambda event: event.step == 2 * STEPS + 3, value)
    made = fit(loggers=[stop.log], stop=stop)
    assert (made.status, made.interrupted) == ("interrupted", value)
    assert int(made.run_state.step) == 2 * STEPS + 3
    assert len(made.history["loss"]) == 2 and made.best.epoch <= 2
    begun = host_fit.jit_init(host_fit._init_state)(made.run, X[:1], np.uint32(0), np.uint32(0))
    reached, _ = InMemorySource(made.run, DATA, DATA, None).advance(begun, 0, 2 * STEPS + 3)
    chex.assert_trees_all_equal(made.run_state, reached)


def test_a_stop_before_the_first_step() -> None:
    """While the programs are compiled, say: one step, no epoch, nothing selected."""
    made = fit(stop=lambda: 1)
    assert (made.status, int(made.run_state.step), made.history, made.best) == (
        "interrupted",
        1,
        {},
        None,
    )
    chex.assert_trees_all_equal(made.params, made.run_state.params)


def test_a_stop_at_the_last_event_changes_nothing() -> None:
    stop = Asked(lambda event: event.step == event.steps, 2)
    made = fit(loggers=[stop.log], stop=stop)
    assert stop() == 2
    assert (made.status, made.interrupted) == ("finished", None)


@pytest.mark.parametrize("answer", [0, False, None])
def test_a_stop_that_says_no_changes_nothing(answer) -> None:
    made = fit(stop=lambda: answer)
    assert (made.status, made.interrupted) == ("finished", None)
    same(made, fit())


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_logger_or_a_stop_that_fails_reaches_the_caller(error) -> None:
    """Ctrl-C is Python's own: the library hears no signals."""

    def fail(*event: fnn.training.TrainingEvent) -> int:
        if isinstance(error, KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        raise error

    for options in ({"loggers": [fail]}, {"stop": fail}):
        with pytest.raises(type(error)):
            fit(**options)


def test_outside_the_main_thread() -> None:
    made = []
    thread = threading.Thread(target=lambda: made.append(fit()))
    thread.start()
    thread.join()
    same(made[0], fit())


def test_more_epochs_than_one_call_may_end(monkeypatch) -> None:
    run = fnn.replace(RUN, batch_size="full", optimizer=SGD(0.01), selection=None)
    monkeypatch.setattr(loop, "EVENT_SECONDS", 1e9)
    epochs, looks = 2 * CAPACITY + 700, []
    made = fnn.fit(run, DATA, epochs=epochs, loggers=[looks.append])
    assert max(len(look.ended) for look in looks) == CAPACITY
    assert len(made.history["loss"]) == epochs == int(made.run_state.step)
    assert made.history["loss"][-1] < made.history["loss"][0]
    monkeypatch.setattr(loop, "EVENT_SECONDS", 0.01)
    same(fnn.fit(run, DATA, epochs=epochs), made)


@pytest.mark.parametrize("size", [1, 5, 100, "full"])
def test_an_epochs_loss_is_the_weighted_mean(size) -> None:
    """At a rate of 0, with rows that weigh nothing among them."""
    weight = np.asarray(np.arange(ROWS) % 4, np.float32)
    rows = DATA._replace(weight=weight)
    run = fnn.Run(fnn.Objective(fnn.Dense(3), "cross_entropy"), SGD(0.0), size)
    made = fnn.fit(run, rows, epochs=2)
    output = run.objective.predict(made.params, made.state, X)
    losses = np.asarray(run.objective.loss.per_example(output, jnp.asarray(DATA.target)))
    wanted = np.average(losses, weights=weight)
    np.testing.assert_allclose(made.history["loss"], [wanted, wanted], rtol=1e-6)


def test_inputs_may_be_a_tree() -> None:
    x = {"a": X, "b": np.arange(ROWS * 4, dtype=np.int32).reshape(ROWS, 4) % 3}
    run = fnn.Run(fnn.Objective(TwoInputs(3), "cross_entropy"), SGD(0.1), SIZE)
    made = fnn.fit(run, fnn.Batch(x, DATA.target), epochs=20)
    assert made.history["loss"][-1] < made.history["loss"][0]


def test_a_metric_that_is_never_a_number_selects_nothing() -> None:
    """An area under the curve over rows of one class: the last parameters are kept."""
    run = fnn.replace(RUN, selection=Selection("auc", patience=3.0))
    validation = DATA._replace(target=np.zeros(ROWS, np.int32))
    made = fnn.fit(run, DATA, validation, epochs=8)
    assert np.isnan(made.history["validation_auc"]).all()
    assert made.best is None and made.status == "stopped early" and made.run_state.epoch == 3
    chex.assert_trees_all_equal(made.params, made.run_state.params)


@pytest.mark.parametrize("every", [1, 3])
def test_patience_ends_at_a_validation(every) -> None:
    """It waits `patience` epochs, and then for the next validation: one may be better."""
    selection, going = Selection(patience=4.0), []
    best = initial_best(selection, {}, {}, float)._replace(epoch=jnp.int32(3))
    for epoch in range(3, 12):
        going.append(bool(has_patience(selection, best, jnp.int32(epoch), every)))
    assert going.index(False) + 3 == {1: 7, 3: 9}[every]


@pytest.mark.parametrize("averaging", [MovingAverage(0.9), LastEpochs(2)])
def test_before_there_is_an_average_the_present_values_stand(averaging) -> None:
    """A run that is interrupted in its first epoch must not give back zeros or NaN."""
    run = fnn.Run(fnn.Objective(fnn.Dense(3), "cross_entropy"), SGD(0.1), averaging=averaging)
    state = fnn.init_state(fnn.numbers(run), fnn.shape(4), seed=0, order_seed=0)
    chex.assert_trees_all_equal(evaluation_parameters(run, state), (state.params, state.state))


def test_a_bar_is_drawn_on_a_terminal_only(monkeypatch) -> None:
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        bar = Progress()
        fit(loggers=[bar])
        drawn = stream.getvalue()
        if stream.isatty():
            assert "epoch 6.0/6" in drawn and "100%" in drawn and "rows/s" in drawn
            assert "validation accuracy 0." in drawn and "loss " in drawn
            fit(loggers=[bar])
            assert len(stream.getvalue()) > len(drawn), "a second run has a bar of its own"
        else:
            assert not drawn


def test_a_bar_shows_the_last_measured_value(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar, look = Progress(), fnn.training.TrainingEvent(1, 9, 0.1, 9, [], 1e3, 1.0)
    bar(look._replace(ended=[{"epoch": 1, "loss": 1.0, "validation_loss": 0.25}]))
    bar(look._replace(ended=[{"epoch": 2, "loss": 0.5, "validation_loss": np.nan}]))
    assert "loss 0.5000, validation loss 0.2500, 1,000 rows/s" in sys.stderr.getvalue()
    bar.close()
    bar.close()


NEVER = fnn.replace(RUN, validate_every=9)
MINUS = DATA._replace(weight=np.where(np.arange(ROWS) == 7, -1.0, 1.0))
NONE = DATA._replace(weight=np.zeros(ROWS))


@pytest.mark.parametrize(
    ("run", "rows", "options", "error", "words"),
    [
        (RUN, DATA, {"epochs": 0}, SpecError, "at least 1 epoch, got 0"),
        (RUN, DATA, {"epochs": 2.5}, SpecError, "whole number of epochs, got 2.5"),
        (RUN, DATA, {"epochs": 10**9}, SpecError, r"1,000,000,000 epochs of 5 steps are more"),
        (RUN, DATA, {"seed": -1}, SpecError, "seed: .*from 0 to .*got -1"),
        (RUN, DATA, {"order_seed": 2**32}, SpecError, "order_seed: .*got 4294967296"),
        (RUN, DATA, {"seed": True}, SpecError, "seed: .*got True"),
        (RUN, DATA, {"validation": None}, SpecError, "selection: .*there are none"),
        (NEVER, DATA, {}, SpecError, r"selection: .*follow epoch 9 \(validate_every\) of 6"),
        (RUN, MINUS, {}, FnnError, r"rows.weight: .*got -1.0 at row 7"),
        (RUN, NONE, {}, FnnError, r"rows.weight: .*above 0 somewhere"),
        (RUN, (X, DATA.target), {}, SpecError, r"rows: expected fnn.Batch\(x, target\), got tuple"),
        (RUN, fnn.Batch(X.tolist(), DATA.target), {}, SpecError, r"rows.x\[0\]\[0\]: .*got float"),
        (RUN, DATA._replace(target=DATA.target + 1), {}, FnnError, "rows.target: .*got 3 at row 2"),
    ],
)
def test_what_cannot_be_trained_on_is_said_before_anything_is_compiled(
    run, rows, options, error, words
) -> None:
    with pytest.raises(error, match=words):
        fnn.fit(run, rows, **{"validation": DATA, "epochs": 6, **options})


FLAGS = {
    "debug_nans": lambda: jax.debug_nans(True),
    "debug_infs": lambda: jax.debug_infs(True),
    "checking_leaks": jax.checking_leaks,
    "transfer_guard": lambda: jax.transfer_guard("disallow"),
}


@pytest.mark.parametrize("flag", FLAGS)
def test_the_debug_flags_of_jax_pass_over_a_sound_run(flag) -> None:
    """Validated every second epoch, and ended early by its patience, in all that trains."""
    run = spec_replace(EARLY, validate_every=2)

    def everything() -> tuple[Any, ...]:
        lone = fnn.fit(run, DATA, DATA, epochs=60)
        swept = fnn.sweep(run, DATA, DATA, over={"learning_rate": [0.01, 0.5]}, epochs=6)
        return lone, swept

    lone, swept = everything()
    with FLAGS[flag]():
        watched, watched_sweep = everything()
    same(watched, lone)
    assert lone.status == "stopped early"
    missing = np.isnan(lone.history["validation_loss"])
    assert (missing == (np.arange(1, len(missing) + 1) % 2 == 1)).all()
    assert not np.isnan(lone.history["loss"]).any()
    for mine, theirs in zip(watched_sweep.outcomes, swept.outcomes, strict=True):
        chex.assert_trees_all_equal(mine.history, theirs.history)


def test_equal_weights_of_any_size_are_no_weights() -> None:
    plain, heavy = (
        fnn.fit(RUN, DATA._replace(weight=np.full(ROWS, size, np.float32)), DATA, epochs=2)
        for size in (1.0, 2.0**126)
    )
    same(heavy, plain)
