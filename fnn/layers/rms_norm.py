"""Every example scaled to a root mean square of 1 over its own features."""

from __future__ import annotations

import jax.numpy as jnp

from fnn.layer import Array, Example, Forward, Grads, Key, Layer, Params, State, Tape
from fnn.ops import affine_gradients, remove_square, standardize
from fnn.shapes import Axes, Shaped, align, leaf_shape, shape, trailing, wide
from fnn.spec import number, spec, static


@spec("rms_norm.v1")
class RMSNorm(Layer):
    """y = scale · x̂ with x̂ = x / √(mean(x²) + ε) over the last `ndim` axes: LayerNorm uncentered.

    The mean is each example's own, in float32 or wider (Zhang & Sennrich 2019, arXiv:1910.07467,
    equation 4). With g = dy scale: dx = (g − x̂ mean(g x̂)) / √(mean(x²) + ε), the means over the
    features; dscale = Σ dy x̂ over all leading axes. There is no shift.

    x is (…, features) and y the same; `scale` has the shape of the features. Raises `ShapeError`
    for other features than the scale's. ε stands inside the root. Its default is Keras' and Flax'
    1e-6. PyTorch's is that of the input's dtype, `finfo(dtype).eps`: 1.2e-7 for float32 and 0.0078
    for bfloat16, so there the same model has another ε in another precision.

    >>> import jax, fnn
    >>> layer = fnn.RMSNorm(epsilon=0.0)
    >>> params, state = layer.init(None, fnn.shape(2))
    >>> y, _ = layer.apply(params, state, jax.numpy.array([1.0, -7.0]))
    >>> [round(float(number), 3) for number in y]
    [0.2, -1.4]
    """

    ndim: int = static(default=1, low=1)
    epsilon: float = number(default=1e-6, low=0)

    def check_input(self, x: Shaped) -> None:
        trailing(self, x, self.ndim)

    def in_features(self, params: Params) -> Axes:
        return leaf_shape(self, params, "scale", self.ndim)

    def param_shapes(self, features: Axes) -> dict[str, Axes]:
        return {"scale": features}

    def init(self, key: Key, in_shape: Shaped) -> tuple[Params, State]:
        features = trailing(self, in_shape, self.ndim)
        return {"scale": jnp.ones(features, wide(in_shape.dtype))}, {}

    def forward(self, params: Params, state: State, x: Array, *, train: bool, key: Key) -> Forward:
        wide_x = x.astype(wide(x.dtype))
        mean_square = jnp.square(wide_x).mean(self._axes(x), keepdims=True)
        x_hat, inverse = standardize(wide_x, mean_square, self.epsilon)
        y = x_hat * align(params["scale"].astype(x_hat.dtype), x)
        return y.astype(x.dtype), state, {"x_hat": x_hat, "inverse": inverse}

    def backward(self, params: Params, tape: Tape, dy: Array) -> tuple[Array, Grads]:
        x_hat, inverse = tape["x_hat"], tape["inverse"]
        wide_dy = dy.astype(x_hat.dtype)
        g = wide_dy * align(params["scale"].astype(x_hat.dtype), dy)
        dx = inverse * remove_square(g, x_hat, self._axes(dy))
        return dx.astype(dy.dtype), affine_gradients(params, x_hat, wide_dy)

    def _axes(self, x: Array) -> Axes:
        return tuple(range(x.ndim - self.ndim, x.ndim))


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    return (
        Example("rms norm", RMSNorm(), shape(5)),
        Example("rms norm of two axes", RMSNorm(2, 0.01), shape(3, 5)),
        Example("rms norm over time", RMSNorm(), shape(3, 5)),
    )
