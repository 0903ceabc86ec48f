"""y = x W + b."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.initializers import Glorot, Initializer, Zeros
from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Tape, require_key
from fnn.shapes import Axes, Shaped, align, leading, leaf_shape, shape, trailing, wide
from fnn.spec import part, spec, static


@spec("dense.v1")
class Dense(Layer):
    """y = x W + b, with x (…, I), W (I, O), b (O) and y (…, O).

    dW = xᵀ dy, db = Σ dy over all leading axes, dx = dy Wᵀ.

    `units` is O. `bias_init=None` leaves the bias out. Parameters are `weight` and `bias`, float32
    or wider, cast to the dtype of x. W is (I, O) as in Keras and Flax; PyTorch stores (O, I).
    Raises `ShapeError` where I of the input is not I of the weight.
    """

    units: int = static(low=1)
    weight_init: Initializer = part(default=Glorot())
    bias_init: Initializer | None = part(default=Zeros())

    def check_input(self, x: Shaped) -> None:
        trailing(self, x, 1)

    def in_features(self, params: Params) -> Axes:
        return leaf_shape(self, params, "weight", ndim=2)[:1]

    def param_shapes(self, features: Axes) -> dict[str, Axes]:
        bias = {} if self.bias_init is None else {"bias": (self.units,)}
        return {"weight": (*features, self.units), **bias}

    def out_shape(self, in_shape: Shaped) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((*in_shape.shape[:-1], self.units), in_shape.dtype)

    def init(self, key: Key, in_shape: Shaped) -> tuple[Params, State]:
        weight_key, bias_key = jax.random.split(require_key(self, key))
        shapes, dtype = self.param_shapes(in_shape.shape[-1:]), wide(in_shape.dtype)
        params = {"weight": self.weight_init.draw(weight_key, shapes["weight"], dtype)}
        if self.bias_init is not None:
            params["bias"] = self.bias_init.draw(bias_key, shapes["bias"], dtype)
        return params, {}

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        y = x @ params["weight"].astype(x.dtype)
        if self.bias_init is not None:
            y = y + align(params["bias"].astype(x.dtype), y)
        return y, state, x

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        x, weight = tape, params["weight"]
        batch = leading(x)
        grads = {"weight": jnp.tensordot(x, dy, (batch, batch)).astype(weight.dtype)}
        if self.bias_init is not None:
            grads["bias"] = dy.sum(batch).astype(params["bias"].dtype)
        return dy @ weight.astype(dy.dtype).T, grads


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("dense", Dense(4), shape(5)),
        Example("dense without bias", Dense(4, bias_init=None), shape(5)),
        Example("dense over time", Dense(4), shape(3, 5)),
    )
