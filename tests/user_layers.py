"""Layers as a user of the package would write them: several inputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn.layer import Layer, Static
from fnn.layers import Dense
from fnn.spec import spec, static


@spec("test_two_inputs.v1")
class TwoInputs(Layer):
    """a W + b W, where b may be whole numbers: the weight is used twice."""

    units: int = static(low=1)

    def out_shape(self, in_shape: Any) -> Any:
        a = in_shape["a"]
        return jax.ShapeDtypeStruct((*a.shape[:-1], self.units), a.dtype)

    def init(self, key: Any, in_shape: Any) -> tuple[Any, Any]:
        a = in_shape["a"]
        dense, _ = Dense(self.units, bias_init=None).init(key, a)
        return dense, {}

    def forward(self, params: Any, state: Any, x: Any, *, train: bool, key: Any) -> Any:
        a, b = x["a"], x["b"]
        floating = jnp.issubdtype(b.dtype, jnp.floating)
        both = a + b.astype(a.dtype)
        return both @ params["weight"].astype(a.dtype), state, (both, Static(floating))

    def backward(self, params: Any, tape: Any, dy: Any) -> Any:
        both, floating = tape
        weight = params["weight"]
        grads = {"weight": jnp.einsum("bi,bo->io", both, dy).astype(weight.dtype)}
        dx = dy @ weight.astype(dy.dtype).T
        return {"a": dx, "b": dx if floating.value else None}, grads
