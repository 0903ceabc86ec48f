"""Schedules: a number as a function of the step, with every argument a traced number.

The formulas are our own because Optax's refuse traced decay rates, step counts and warm-up peaks.
Their values and the names of their arguments are Optax's. Steps are counted from 0: the first
update uses `value(0)`. They are numbers like the rest (in float32 exact up to 2²⁴ steps).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from fnn.spec import SpecError, number, numbers, spec

Number: TypeAlias = float | jax.Array
"""a field of a schedule: a float, or traced"""


class Schedule(ABC):
    """A function of the step; a concrete schedule is a `@spec` that gives its `formula`."""

    def value(self, step: ArrayLike) -> jax.Array:
        """The value at `step`, a whole or real number, traced or not.

        Its dtype is that of the schedule's own numbers (JAX's default float for Python's floats).
        """
        dtype = jnp.result_type(*jax.tree.leaves(self))
        return numbers(self, dtype).formula(jnp.asarray(step).astype(dtype))

    @abstractmethod
    def formula(self, step: jax.Array) -> jax.Array:
        """The value at `step`, which has the dtype of the schedule's numbers."""


@spec("constant.v1")
class Constant(Schedule):
    """v(t) = `init_value` at every step."""

    init_value: float = number(low=0)

    def formula(self, step: jax.Array) -> jax.Array:
        return jnp.full_like(step, self.init_value)


@spec("linear.v1")
class Linear(Schedule):
    """A straight line from one value to another: v(t) = a + (b - a)·clip((t - s) / T, 0, 1).

    Arguments: a = `init_value`, b = `end_value`, T = `transition_steps` (steps), and
    s = `transition_begin`, the step at which the line starts. Constant before and after.

    As `optax.linear_schedule` and Keras's `PolynomialDecay(power=1)`. PyTorch's `LinearLR` takes
    factors of the optimizer's rate instead of values.
    """

    init_value: float = number(low=0)
    end_value: float = number(low=0)
    transition_steps: float = number(low=1)
    transition_begin: float = number(default=0.0, low=0)

    def formula(self, step: jax.Array) -> jax.Array:
        fraction = jnp.clip((step - self.transition_begin) / self.transition_steps, 0, 1)
        return (self.init_value - self.end_value) * (1 - fraction) + self.end_value


@spec("step_decay.v1")
class StepDecay(Schedule):
    """A drop at regular intervals: v(t) = a·r^⌊t / T⌋.

    Arguments: a = `init_value`, T = `transition_steps` (steps between drops), r = `decay_rate`.
    Constant before step 0; never ends. The drop happens at the step T itself.

    As PyTorch's `StepLR(step_size=T, gamma=r)` and `optax.exponential_decay(staircase=True)`.
    """

    init_value: float = number(low=0)
    transition_steps: float = number(low=1)
    decay_rate: float = number(default=0.1, low=0)

    def formula(self, step: jax.Array) -> jax.Array:
        # Not floor(t / T): `//` is exact at the drops even where division is not.
        return self.init_value * self.decay_rate ** (jnp.maximum(step, 0) // self.transition_steps)


@spec("exponential_decay.v1")
class ExponentialDecay(Schedule):
    """v(t) = a·r^(max(t - s, 0) / T), not past b.

    Arguments: a = `init_value`, T = `transition_steps` (steps in which the value falls by the
    factor r), r = `decay_rate`, s = `transition_begin` (steps at the start with v = a), and
    b = `end_value`: a lower bound where r < 1, otherwise an upper bound; None for no bound.

    As `optax.exponential_decay`, save that r = 0 drops to 0 where Optax holds a. PyTorch's
    `ExponentialLR` is T = 1; Keras's `ExponentialDecay` has neither s nor b.
    """

    init_value: float = number(low=0)
    transition_steps: float = number(low=1)
    decay_rate: float = number(low=0)
    transition_begin: float = number(default=0.0, low=0)
    end_value: float | None = number(default=None, low=0)

    def formula(self, step: jax.Array) -> jax.Array:
        time = jnp.maximum(step - self.transition_begin, 0) / self.transition_steps
        value = self.init_value * self.decay_rate**time
        if self.end_value is None:
            return value
        lower, upper = jnp.maximum(value, self.end_value), jnp.minimum(value, self.end_value)
        return jnp.where(jnp.asarray(self.decay_rate) < 1, lower, upper)


@spec("cosine_decay.v1")
class CosineDecay(Schedule):
    """Half a cosine: v(t) = b + (a - b)·[(1 + cos(π·min(t, T) / T)) / 2]^p.

    Arguments: a = `init_value`, T = `decay_steps` (steps), b = `end_value`, held after T, and
    p = `exponent`.

    Source: Loshchilov & Hutter 2017, SGDR (arXiv:1608.03983), equation 5, without restarts.
    As `optax.cosine_decay_schedule` with alpha = b / a. PyTorch's `CosineAnnealingLR` rises again
    after T; Keras's `CosineDecay` has alpha like Optax, and no exponent.
    """

    init_value: float = number(low=0)
    decay_steps: float = number(low=1)
    end_value: float = number(default=0.0, low=0)
    exponent: float = number(default=1.0, low=0)

    def formula(self, step: jax.Array) -> jax.Array:
        fraction = jnp.minimum(step, self.decay_steps) / self.decay_steps
        return _cosine(self.init_value, self.end_value, fraction, self.exponent)


@spec("warmup_cosine.v1")
class WarmupCosine(Schedule):
    """A line up to the peak, then half a cosine down.

    v(t) = a + (c - a)·max(t, 0) / W before step W, and from there
    v(t) = b + (c - b)·[(1 + cos(π·min((t - W) / (T - W), 1))) / 2]^p.

    Arguments: c = `peak_value`, W = `warmup_steps` (0 for no warm-up), T = `decay_steps` (steps
    of the whole, warm-up included), a = `init_value`, b = `end_value`, p = `exponent`.
    Raises `SpecError` where the warm-up is not shorter than the whole.

    Sources: Goyal et al. 2017 (arXiv:1706.02677), section 2.2; Loshchilov & Hutter 2017
    (arXiv:1608.03983), equation 5. As `optax.warmup_cosine_decay_schedule`. Keras's `CosineDecay`
    with `warmup_target` counts decay_steps without the warm-up; PyTorch has no single class.
    """

    peak_value: float = number(low=0)
    warmup_steps: float = number(low=0)
    decay_steps: float = number(low=1)
    init_value: float = number(default=0.0, low=0)
    end_value: float = number(default=0.0, low=0)
    exponent: float = number(default=1.0, low=0)

    def check(self) -> None:
        warmup, whole = self.warmup_steps, self.decay_steps
        if isinstance(warmup, float) and isinstance(whole, float) and warmup >= whole:
            message = f"expected less than decay_steps ({whole}), got {warmup}"
            raise SpecError(message, "warmup_steps")

    def formula(self, step: jax.Array) -> jax.Array:
        warmup, whole = jnp.asarray(self.warmup_steps), jnp.asarray(self.decay_steps)
        rising = jnp.clip(step / jnp.where(warmup > 0, warmup, 1), 0, 1)
        falling = jnp.minimum(step - warmup, whole - warmup) / (whole - warmup)
        line = (self.init_value - self.peak_value) * (1 - rising) + self.peak_value
        cosine = _cosine(self.peak_value, self.end_value, falling, self.exponent)
        return jnp.where(step < warmup, line, cosine)


@spec("one_cycle.v1")
class OneCycle(Schedule):
    """Half a cosine up to the peak, then half a cosine down to almost nothing.

    From c / d at step 0 to c at step W = ⌊f·T⌋, then to c / (d·e) at step T, and constant.

    Arguments: c = `peak_value`, T = `transition_steps` (steps of the whole), f = `pct_start` (a
    fraction, despite Optax's name), d = `div_factor`, e = `final_div_factor`.

    Source: Smith & Topin 2018, Super-Convergence (arXiv:1708.07120). As
    `optax.cosine_onecycle_schedule`, which gives 0 before step 0 where this gives c / d. PyTorch's
    `OneCycleLR` peaks at step f·T - 1, ends at T - 1 and cycles the momentum too; Keras has none.
    """

    peak_value: float = number(low=0)
    transition_steps: float = number(low=1)
    pct_start: float = number(default=0.3, low=0, below=1)
    div_factor: float = number(default=25.0, low=1)
    final_div_factor: float = number(default=1e4, low=1)

    def formula(self, step: jax.Array) -> jax.Array:
        whole = jnp.floor(self.transition_steps)
        middle = jnp.floor(self.pct_start * self.transition_steps)
        start = self.peak_value / self.div_factor
        rising = jnp.clip(step / jnp.maximum(middle, 1), 0, 1)
        falling = jnp.clip((step - middle) / jnp.maximum(whole - middle, 1), 0, 1)
        up = _cosine(start, self.peak_value, rising)
        down = _cosine(self.peak_value, start / self.final_div_factor, falling)
        return jnp.where(step < middle, up, down)


def _cosine(
    start: Number, end: Number, fraction: jax.Array, exponent: Number | None = None
) -> jax.Array:
    """From `start` to `end` along half a cosine, as `fraction` goes from 0 to 1."""
    height = 0.5 * (1 + jnp.cos(jnp.pi * fraction))
    height = height if exponent is None else height**exponent
    return (start - end) * height + end


def examples() -> tuple[Schedule, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Constant(0.1),
        StepDecay(0.1, 10.0, 0.5),
        ExponentialDecay(0.1, 10.0, 0.5),
        CosineDecay(0.1, 10.0),
        WarmupCosine(0.1, 5.0, 20.0),
        Linear(0.1, 0.01, 10.0),
        OneCycle(0.1, 20.0),
    )
