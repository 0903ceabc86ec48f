"""Initializers: how a fresh array of parameters is drawn.

Fans are counted on the last two axes of a shape (…, I, O): fan_in = I, fan_out = O.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnn.shapes import Axes
from fnn.spec import SpecError, number, spec, static

Distribution = Literal["uniform", "normal"]


class Initializer(ABC):
    """Draws an array from a key. The same key, shape and dtype give the same array."""

    @abstractmethod
    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        """An array of that shape and dtype."""


@spec("zeros.v1")
class Zeros(Initializer):
    """All zero: for biases. A weight of zeros never breaks the symmetry between units."""

    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        return jnp.zeros(shape, dtype)


@spec("normal.v1")
class Normal(Initializer):
    """scale · N(0, 1): the 0.01 and 0.1 of introductory texts."""

    scale: float = number(default=0.01, low=0)

    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        return jnp.asarray(self.scale, dtype) * jax.random.normal(key, shape, dtype)


@spec("uniform.v1")
class Uniform(Initializer):
    """Uniform on [−limit, limit)."""

    limit: float = number(default=0.05, low=0)

    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        return jnp.asarray(self.limit, dtype) * jax.random.uniform(key, shape, dtype, -1.0, 1.0)


@spec("glorot.v1")
class Glorot(Initializer):
    """Variance 2 / (fan_in + fan_out): keeps a linear layer's signal and gradient alike.

    For tanh and sigmoid. Glorot & Bengio 2010, eq. 12 and 16. Keras' default for Dense.
    `normal` is not truncated (Keras and `jax.nn` truncate at two standard deviations).
    """

    distribution: Distribution = static(default="uniform")

    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        fan_in, fan_out = _fans(self, shape)
        return _draw(key, shape, dtype, self.distribution, 2 / (fan_in + fan_out))


@spec("he.v1")
class He(Initializer):
    """Variance 2 / fan_in: ReLU halves the signal, so the weights double it. He et al. 2015, §2.2.

    PyTorch's own default for Linear is uniform with variance 1 / (3 fan_in), a sixth of this.
    """

    distribution: Distribution = static(default="normal")

    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        return _draw(key, shape, dtype, self.distribution, 2 / _fans(self, shape)[0])


@spec("lecun.v1")
class LeCun(Initializer):
    """Variance 1 / fan_in: for SELU and linear layers. LeCun et al. 1998, §4.6. Flax's default."""

    distribution: Distribution = static(default="normal")

    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        return _draw(key, shape, dtype, self.distribution, 1 / _fans(self, shape)[0])


@spec("orthogonal.v1")
class Orthogonal(Initializer):
    """gain · Q, with orthonormal rows or columns, whichever are fewer. Saxe et al. 2014."""

    gain: float = number(default=1.0)

    def draw(self, key: jax.Array, shape: Axes, dtype: DTypeLike) -> jax.Array:
        _fans(self, shape)
        q = jax.random.orthogonal(key, shape[-2], shape[:-2], dtype, m=shape[-1])
        return jnp.asarray(self.gain, dtype) * q


def _fans(owner: Initializer, shape: Axes) -> tuple[int, int]:
    if len(shape) < 2:
        raise SpecError(f"{owner} needs a matrix, got shape {shape}: biases take Zeros or Normal")
    return shape[-2], shape[-1]


def _draw(
    key: jax.Array, shape: Axes, dtype: DTypeLike, distribution: str, variance: float
) -> jax.Array:
    if distribution == "normal":
        return variance**0.5 * jax.random.normal(key, shape, dtype)
    limit = (3 * variance) ** 0.5
    return jax.random.uniform(key, shape, dtype, -limit, limit)


def examples() -> tuple[Initializer, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Zeros(),
        Normal(0.1),
        Uniform(),
        Glorot(),
        He("uniform"),
        LeCun(),
        Orthogonal(),
    )
