"""Activation functions, each beside its derivative.

A function keeps on its tape only what its derivative needs: a mask, its output, or its input.
`forward` is `jax.nn`'s where it has the function, so the automatic gradient is `jax.nn`'s own;
`backward` is written by hand, corners included, and every docstring says what holds at the corner.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp

from fnn.spec import number, spec, static

Tape: TypeAlias = Any
"""what a function's derivative needs: an array, several, or None"""


class Elementwise(ABC):
    """A function of one number, applied to every element."""

    @abstractmethod
    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        """`f(x)`, and what the derivative needs."""

    @abstractmethod
    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        """`f'(x) · dy`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.forward(x)[0]


@spec("step.v1")
class Step(Elementwise):
    """1 where x ≥ 0, else 0: the unit of Rosenblatt's perceptron (1958). f' = 0 everywhere."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return (x >= 0).astype(x.dtype), None

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        return jnp.zeros_like(dy)


@spec("identity.v1")
class Identity(Elementwise):
    """x; f' = 1."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return x, None

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        return dy


@spec("sigmoid.v1")
class Sigmoid(Elementwise):
    """1 / (1 + e⁻ˣ); f' = y (1 − y)."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        y = jax.nn.sigmoid(x)
        return y, y

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        y = tape
        return dy * y * (1 - y)


@spec("tanh.v1")
class Tanh(Elementwise):
    """tanh x; f' = 1 − y², as (1 − y)(1 + y), which cancels less near ±1."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        y = jnp.tanh(x)
        return y, y

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        y = tape
        return dy * (1 - y) * (1 + y)


@spec("relu.v1")
class ReLU(Elementwise):
    """max(x, 0); f'(0) = 0, as in `jax.nn`, PyTorch and Keras."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return jax.nn.relu(x), x > 0

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        return jnp.where(tape, dy, 0)


@spec("leaky_relu.v1")
class LeakyReLU(Elementwise):
    """x where x ≥ 0, else slope · x (Maas et al. 2013). f'(0) = 1, as in `jax.nn`.

    PyTorch takes f'(0) = slope, and Keras' default slope is 0.3 (PyTorch's 0.01, as here).
    """

    slope: float = number(default=0.01)

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return jax.nn.leaky_relu(x, jnp.asarray(self.slope, x.dtype)), x >= 0

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        return jnp.where(tape, dy, dy * jnp.asarray(self.slope, dy.dtype))


@spec("elu.v1")
class ELU(Elementwise):
    """x where x > 0, else α (eˣ − 1) (Clevert et al. 2016). f'(0) = α, as in `jax.nn`."""

    alpha: float = number(default=1.0)

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        y = jax.nn.elu(x, jnp.asarray(self.alpha, x.dtype))
        return y, (x > 0, y)

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        positive, y = tape
        return jnp.where(positive, dy, dy * (y + jnp.asarray(self.alpha, dy.dtype)))


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@spec("selu.v1")
class SELU(Elementwise):
    """λ · ELU with the α and λ of Klambauer et al. 2017. f'(0) = λα, as in `jax.nn`."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        y = jax.nn.selu(x)
        return y, (x > 0, y)

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        positive, y = tape
        slope = jnp.where(positive, _SELU_SCALE, y + _SELU_SCALE * _SELU_ALPHA)
        return dy * slope.astype(dy.dtype)


@spec("gelu.v1")
class GELU(Elementwise):
    """x Φ(x), with Φ the normal distribution function (Hendrycks & Gimpel 2016).

    `form="exact"`: f' = Φ(x) + x φ(x). `form="tanh"`: Φ(x) ≈ ½ (1 + tanh u) with
    u = √(2/π) (x + 0.044715 x³), and f' is that of the approximation.
    PyTorch and Keras default to exact, `jax.nn.gelu` and Flax to tanh.
    """

    form: Literal["exact", "tanh"] = static(default="exact")

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return jax.nn.gelu(x, approximate=self.form == "tanh"), x

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        x = tape
        if self.form == "exact":
            cdf = 0.5 * jax.lax.erfc(-x * 0.5**0.5)
            density = jnp.exp(-0.5 * jnp.square(x)) * (2 * jnp.pi) ** -0.5
            return dy * (cdf + x * density)
        root = (2 / jnp.pi) ** 0.5
        square = jnp.square(x)
        t = jnp.tanh(root * x * (1 + 0.044715 * square))
        slope = root * (1 + 3 * 0.044715 * square)
        return dy * 0.5 * (1 + t + x * (1 - t) * (1 + t) * slope)


@spec("silu.v1")
class SiLU(Elementwise):
    """x σ(x), also called swish (Elfwing et al. 2017); f' = σ (1 + x (1 − σ))."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return jax.nn.silu(x), x

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        x = tape
        s = jax.nn.sigmoid(x)
        return dy * s * (1 + x * (1 - s))


@spec("mish.v1")
class Mish(Elementwise):
    """x tanh(softplus x) (Misra 2019); f' = t + x σ(x) (1 − t²) with t = tanh(softplus x)."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return jax.nn.mish(x), x

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        x = tape
        t = jnp.tanh(jax.nn.softplus(x))
        return dy * (t + x * jax.nn.sigmoid(x) * (1 - t) * (1 + t))


@spec("softplus.v1")
class Softplus(Elementwise):
    """log(1 + eˣ); f' = σ(x)."""

    def forward(self, x: jax.Array) -> tuple[jax.Array, Tape]:
        return jax.nn.softplus(x), x

    def backward(self, tape: Tape, dy: jax.Array) -> jax.Array:
        return dy * jax.nn.sigmoid(tape)


def examples() -> tuple[Elementwise, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Step(),
        Identity(),
        Sigmoid(),
        Tanh(),
        ReLU(),
        LeakyReLU(),
        LeakyReLU(0.3),
        ELU(),
        ELU(0.5),
        SELU(),
        GELU(),
        GELU("tanh"),
        SiLU(),
        Mish(),
        Softplus(),
    )
