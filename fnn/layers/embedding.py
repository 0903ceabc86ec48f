"""Class numbers turned into rows of a table."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.initializers import Initializer, Normal
from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Tape, require_key
from fnn.shapes import Axes, Shaped, check_one, shape
from fnn.spec import ShapeError, part, spec, static


@spec("embedding.v1")
class Embedding(Layer):
    """y = W[x]: row x of W (classes, units) for every class number x (…), so y is (…, units).

    dW[c] = Σ dy over all places where x = c, a class that comes twice counting twice; dx is None.

    A number outside 0 … classes − 1 gives a row of NaN, so that it can't pass unseen (PyTorch
    raises; Flax gives NaN too, but counts −1 from the end). There is no padding row. W is drawn
    from N(0, 1) as in PyTorch; Keras takes uniform ±0.05, Flax variance 1 / units.

    Class numbers say nothing about a dtype: W is of JAX's default float (float64 under x64), and y
    of W's. A compute dtype is for inputs that are floats, so bfloat16 does not begin behind an
    Embedding. Raises `ShapeError` for inputs that are not integers.
    """

    classes: int = static(low=1)
    units: int = static(low=1)
    weight_init: Initializer = part(default=Normal(1.0))

    def check_input(self, x: Shaped) -> None:
        check_one(self, x)
        if not jnp.issubdtype(x.dtype, jnp.integer):
            raise ShapeError(f"{self} expects class numbers (integers), got {x.dtype}")

    def param_shapes(self, features: Axes) -> dict[str, Axes]:
        return {"weight": (self.classes, self.units)}

    def out_shape(self, in_shape: Shaped) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((*in_shape.shape, self.units), jnp.result_type(float))

    def init(self, key: Key, in_shape: Shaped) -> tuple[Params, State]:
        axes, dtype = self.param_shapes(())["weight"], jnp.result_type(float)
        return {"weight": self.weight_init.draw(require_key(self, key), axes, dtype)}, {}

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        if jnp.iinfo(x.dtype).bits < 32:  # 300 classes don't fit in uint8
            x = x.astype(jnp.int32)
        row = jnp.where((x >= 0) & (x < self.classes), x, self.classes)
        weight = jnp.asarray(params["weight"])
        return weight.at[row].get(mode="fill", fill_value=jnp.nan), state, row

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[None, Grads]:
        row, weight = tape, params["weight"]
        grad = jnp.zeros_like(weight).at[row].add(dy.astype(weight.dtype), mode="drop")
        return None, {"weight": grad}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("embedding", Embedding(4, 3), shape(dtype=jnp.int32)),
        Example("embedding over time", Embedding(5, 3), shape(2, 3, dtype=jnp.uint8)),
    )
