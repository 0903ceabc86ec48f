"""Random units set to zero in training."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.layer import (
    Array,
    Example,
    Forward,
    Grads,
    Key,
    Layer,
    Params,
    State,
    Tape,
    require_key,
)
from fnn.random import random_bits
from fnn.shapes import Shaped, check_array, shape, wide
from fnn.spec import number, spec

_LEVELS = 2**24


@spec("dropout.v1")
class Dropout(Layer):
    """y = m ∘ x / p in training, y = x in evaluation; dx = m ∘ dy / p.

    m is 1 with probability p = 1 − rate for every element on its own (Srivastava et al. 2014,
    "inverted" as in all current frameworks). p is rounded to the nearest of 2⁻²⁴, 2 · 2⁻²⁴ … 1; the
    scale is 1 / (rounded p), so E[y] = x holds to the rounding of that scale (in bfloat16 up to
    0.4 %).

    Training needs a key (`KeyMissingError`). Under `jax.vmap` each example needs a key of its own,
    and then its masks differ from those of a batched call.
    """

    rate: float = number(default=0.5, low=0, below=1)

    def check_input(self, x: Shaped) -> None:
        check_array(self, x)

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        if not train:
            return x, state, None
        rate = jnp.asarray(self.rate, jnp.float32)
        kept = jnp.clip(jnp.round((1 - rate) * _LEVELS), 1, _LEVELS)
        mask = random_bits(require_key(self, key), x.shape) >> 8 < kept.astype(jnp.uint32)
        scale = (_LEVELS / kept.astype(wide(x.dtype))).astype(x.dtype)
        return jnp.where(mask, x * scale, 0), state, (mask, scale)

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        if tape is None:
            return dy, {}
        mask, scale = tape
        return jnp.where(mask, dy * scale, 0), {}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("dropout", Dropout(0.3), shape(5), per_example=False),
        Example("dropout, odd size", Dropout(0.5), shape(3, 5), per_example=False),
        Example("dropout in evaluation", Dropout(0.3), shape(5), train=False),
    )
