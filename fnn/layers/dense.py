"""y = x W + b."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnn.initializers import Glorot, Initializer, Zeros
from fnn.layer import Example, Layer, Tree, require_key
from fnn.shapes import (
    align,
    check_features,
    check_leaves,
    leading,
    leaf_shape,
    shape,
    trailing,
    wide,
)
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

    def out_shape(self, in_shape: Tree) -> Tree:
        trailing(self, in_shape, 1)
        return jax.ShapeDtypeStruct((*in_shape.shape[:-1], self.units), in_shape.dtype)

    def init(self, key: jax.Array | None, in_shape: Tree) -> tuple[Tree, Tree]:
        (features,) = trailing(self, in_shape, 1)
        weight_key, bias_key = jax.random.split(require_key(self, key))
        dtype = wide(in_shape.dtype)
        params = {"weight": self.weight_init.draw(weight_key, (features, self.units), dtype)}
        if self.bias_init is not None:
            params["bias"] = self.bias_init.draw(bias_key, (self.units,), dtype)
        return params, {}

    def forward(
        self, params: Tree, state: Tree, x: Tree, *, train: bool, key: jax.Array | None
    ) -> tuple[Tree, Tree, Tree]:
        inputs, _ = leaf_shape(self, params, "weight", ndim=2)
        bias = {} if self.bias_init is None else {"bias": (self.units,)}
        check_leaves(self, params, {"weight": (inputs, self.units), **bias})
        check_features(self, x, (inputs,))
        y = x @ params["weight"].astype(x.dtype)
        if self.bias_init is not None:
            y = y + align(params["bias"].astype(x.dtype), y)
        return y, state, x

    def backward(self, params: Tree, tape: Tree, dy: Tree) -> tuple[Tree, Tree]:
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
