"""Schedules: Optax's values, from numbers that may all be traced."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    Linear,
    OneCycle,
    Schedule,
    StepDecay,
    WarmupCosine,
)
from fnn.spec import SpecError, from_json, kinds, numbers, to_json, with_numbers


class Case(NamedTuple):
    schedule: Schedule
    optax: Any
    start: float
    """The value at step 0."""
    end: float
    """The value long after the end."""


CASES = {
    "constant": Case(Constant(0.3), optax.constant_schedule(0.3), 0.3, 0.3),
    "linear": Case(Linear(0.1, 0.7, 10, 3), optax.linear_schedule(0.1, 0.7, 10, 3), 0.1, 0.7),
    "step": Case(
        StepDecay(0.5, 7, 0.3), optax.exponential_decay(0.5, 7, 0.3, staircase=True), 0.5, 0.0
    ),
    "exponential": Case(
        ExponentialDecay(0.5, 7, 0.3, 4), optax.exponential_decay(0.5, 7, 0.3, 4), 0.5, 0.0
    ),
    "exponential, floor": Case(
        ExponentialDecay(0.5, 7, 0.3, 4, 0.05),
        optax.exponential_decay(0.5, 7, 0.3, 4, end_value=0.05),
        0.5,
        0.05,
    ),
    "exponential, ceiling": Case(
        ExponentialDecay(0.5, 7, 1.3, 4, 0.9),
        optax.exponential_decay(0.5, 7, 1.3, 4, end_value=0.9),
        0.5,
        0.9,
    ),
    "cosine": Case(CosineDecay(0.5, 20), optax.cosine_decay_schedule(0.5, 20), 0.5, 0.0),
    "cosine, floor": Case(
        CosineDecay(0.5, 20, 0.1, 1.7),
        optax.cosine_decay_schedule(0.5, 20, alpha=0.2, exponent=1.7),
        0.5,
        0.1,
    ),
    "warm-up": Case(
        WarmupCosine(0.8, 5, 25), optax.warmup_cosine_decay_schedule(0.0, 0.8, 5, 25), 0.0, 0.0
    ),
    "warm-up, floor": Case(
        WarmupCosine(0.8, 5, 25, 0.2, 0.1, 1.7),
        optax.warmup_cosine_decay_schedule(0.2, 0.8, 5, 25, 0.1, 1.7),
        0.2,
        0.1,
    ),
    "no warm-up": Case(
        WarmupCosine(0.8, 0, 25, 0.2, 0.1),
        optax.warmup_cosine_decay_schedule(0.2, 0.8, 0, 25, 0.1),
        0.8,
        0.1,
    ),
    "one cycle": Case(
        OneCycle(0.8, 20), optax.cosine_onecycle_schedule(20, 0.8), 0.8 / 25, 0.8 / 25e4
    ),
    "one cycle, uneven": Case(
        OneCycle(0.8, 23, 0.29, 10.0, 50.0),
        optax.cosine_onecycle_schedule(23, 0.8, 0.29, 10.0, 50.0),
        0.08,
        0.08 / 50,
    ),
    "one cycle, no rise": Case(
        OneCycle(0.8, 20, 0.0), optax.cosine_onecycle_schedule(20, 0.8, 0.0), 0.8, 0.8 / 25e4
    ),
}
each = pytest.mark.parametrize("name", CASES)
SCHEDULES = {name: case.schedule for name, case in CASES.items()}
WHOLE = np.arange(-3, 45)
STEPS = np.concatenate([WHOLE, WHOLE + 0.37, [10_000]])
START, LAST = 3, -1
TRACED = []


@jax.jit
def values(schedules, steps):
    """All schedules in one program, to compile once."""
    TRACED.append(steps)
    return {name: jax.vmap(schedule.value)(steps) for name, schedule in schedules.items()}


@functools.cache
def ours(step_dtype=np.float64, dtype=None):
    steps = WHOLE if np.issubdtype(step_dtype, np.integer) else STEPS
    return values(numbers(SCHEDULES, dtype), steps.astype(step_dtype))


@functools.cache
def theirs():
    """Optax's, in float64: from whole steps it computes in float32."""
    with jax.numpy_dtype_promotion("standard"):
        every = {name: jax.vmap(case.optax) for name, case in CASES.items()}
        return jax.jit(lambda: {name: schedule(STEPS) for name, schedule in every.items()})()


def test_every_kind_is_tested():
    tested = {type(schedule) for schedule in SCHEDULES.values()}
    assert tested == {cls for cls in kinds().values() if issubclass(cls, Schedule)}


@each
def test_equals_optax(name):
    # Before step 0, OneCycle holds its start and Optax gives 0.
    sane = (STEPS >= 0) | (not isinstance(SCHEDULES[name], OneCycle))
    assert ours()[name].dtype == jnp.float64
    np.testing.assert_allclose(ours()[name][sane], theirs()[name][sane], rtol=0, atol=1e-12)


@each
def test_start_and_end(name):
    np.testing.assert_allclose(ours()[name][START], CASES[name].start, rtol=1e-12, atol=0)
    np.testing.assert_allclose(ours()[name][LAST], CASES[name].end, rtol=1e-12, atol=1e-15)


def test_one_cycle_holds_its_start_and_reaches_its_peak():
    value = ours()["one cycle"]
    np.testing.assert_allclose(value[:START], 0.8 / 25, rtol=1e-12)
    np.testing.assert_allclose([value[START + 6], value.max()], 0.8, rtol=1e-12)


@pytest.mark.parametrize("interval", [3, 7, 49, 1001])
def test_a_drop_happens_at_its_step(interval):
    """In float32 too, at every multiple: ⌊t / T⌋ with a quotient an ulp short would be late."""
    schedule = {"step": numbers(StepDecay(1.0, interval, 0.5), jnp.float32)}
    count = np.arange(20)
    late = values(schedule, np.concatenate([count, count + 1]) * interval - np.repeat([0, 1], 20))
    np.testing.assert_allclose(late["step"], np.tile(0.5**count, 2), rtol=1e-6)


@each
def test_whole_steps(name):
    whole = ours(np.int32)[name]
    assert whole.dtype == jnp.float64
    np.testing.assert_allclose(whole, ours()[name][: len(WHOLE)], rtol=0, atol=1e-15)


@each
def test_python_numbers(name):
    lone = SCHEDULES[name].value(6)
    np.testing.assert_allclose(lone, ours()[name][START + 6], rtol=0, atol=1e-14)


@each
def test_float32(name):
    narrow = ours(dtype=np.float32)[name]
    assert narrow.dtype == jnp.float32
    np.testing.assert_allclose(narrow, ours()[name], rtol=0, atol=2e-6)


@each
def test_json(name):
    again = from_json(to_json(SCHEDULES[name]))
    assert again == SCHEDULES[name]
    assert jax.tree.structure(again) == jax.tree.structure(SCHEDULES[name])


def test_other_numbers_compile_nothing():
    """One program for every number, and a stack gives what each member gives alone."""
    first = ours()
    TRACED.clear()
    scales = np.array([1.0, 0.9, 1.2])
    members = [jax.tree.map(lambda leaf, s=s: leaf * s, numbers(SCHEDULES)) for s in scales]
    lone = [values(member, STEPS) for member in members]
    assert not TRACED
    stack = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    together = jax.jit(jax.vmap(values, in_axes=(0, None)))(stack, STEPS)
    for name in CASES:
        a, b, c = (member[name] for member in lone)
        np.testing.assert_array_equal(a, first[name])
        assert not np.allclose(a, b) and not np.allclose(a, c)
        np.testing.assert_allclose(together[name], np.stack([a, b, c]), rtol=0, atol=1e-12)


def test_gradients_in_every_number_are_finite():
    total = jax.jit(jax.grad(lambda made: sum(v.sum() for v in values(made, STEPS).values())))
    chex.assert_tree_all_finite(total(numbers(SCHEDULES)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WarmupCosine(0.1, 30, 20), "warmup_steps: expected less than decay_steps"),
        (lambda: WarmupCosine(0.1, 20, 20), "warmup_steps: expected less than decay_steps"),
        (lambda: WarmupCosine(0.1, -1, 20), "warmup_steps: expected at least 0"),
        (lambda: CosineDecay(0.1, 0), "decay_steps: expected at least 1"),
        (lambda: Linear(0.1, 0.2, "9"), "transition_steps: expected a number"),
        (lambda: StepDecay(-0.1, 3), "init_value: expected at least 0"),
        (lambda: OneCycle(0.1, 20, 1.0), "pct_start: expected less than 1"),
        (lambda: Constant(float("nan")), "init_value: expected a finite number"),
        (lambda: ExponentialDecay(0.1, 3, True), "decay_rate: expected a number"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_a_traced_or_stacked_warmup_is_not_refused():
    assert np.shape(WarmupCosine(0.1, np.array([5.0, 30.0]), 20).warmup_steps) == (2,)

    @jax.jit
    def value(warmup):
        schedule = WarmupCosine(0.1, warmup, 20)
        return schedule.value(3), with_numbers(schedule, {"warmup_steps": warmup}).value(3)

    chex.assert_tree_all_finite(value(30.0))
