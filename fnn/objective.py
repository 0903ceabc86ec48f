"""What is minimized: a network, a loss, penalties and a precision, as one spec."""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from fnn.layer import Key, Layer, Params, PyTree, State
from fnn.losses import Loss, Penalty
from fnn.ops.norm import largest_entry, power_of_two
from fnn.shapes import DType, wide
from fnn.spec import ShapeError, SpecError, error_path, part, spec, static


class Batch(NamedTuple):
    """Examples: inputs, targets, and a weight each (None gives all the same weight)."""

    x: PyTree
    target: jax.Array
    weight: jax.Array | None = None


class Aux(NamedTuple):
    """What comes beside the objective's value."""

    state: State
    """the layers' new state"""
    output: jax.Array
    """the network's output, float32 or wider"""
    loss: jax.Array
    """the weighted mean loss, without penalties"""


@spec("policy.v1")
class Policy:
    """Which dtype the network computes in; parameters and outputs stay float32 or wider.

    There is no float16: its range is too small to train without scaling the loss.
    """

    compute: Literal["float32", "bfloat16", "float64"] = static(default="float32")

    @property
    def dtype(self) -> DType:
        """The compute dtype. Raises `SpecError` for float64 where JAX has it switched off."""
        dtype = jnp.dtype(self.compute)
        if dtype != jax.dtypes.canonicalize_dtype(dtype):
            raise SpecError(
                f"{self.compute} needs jax.config.update('jax_enable_x64', True)", "policy.compute"
            )
        return dtype

    def cast(self, x: PyTree) -> PyTree:
        """Floating-point inputs in the compute dtype; integers stay."""
        dtype = self.dtype

        def convert(leaf: jax.Array) -> jax.Array:
            return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

        return jax.tree.map(convert, x)

    def cast_shape(self, in_shape: PyTree) -> PyTree:
        """The shape of what `cast` gives for inputs of that shape."""
        dtype = self.dtype

        def convert(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            floats = jnp.issubdtype(leaf.dtype, jnp.floating)
            return jax.ShapeDtypeStruct(leaf.shape, dtype if floats else leaf.dtype)

        return jax.tree.map(convert, in_shape)


@spec("objective.v1")
class Objective:
    """Σ wᵢ ℓ(net(xᵢ), targetᵢ) / Σ wᵢ + Σ penalties(params).

    The loss is 0 where the weights sum to zero, as those of no rows do. A weight of 0 does not
    hide a NaN: 0 · NaN is NaN.
    `fnn.gradients.manual` and `fnn.gradients.automatic` differentiate it, with one signature.
    """

    net: Layer = part()
    loss: Loss = part()
    penalties: tuple[Penalty, ...] = part(default=())
    policy: Policy = part(default=Policy())

    def init(self, key: Key, in_shape: PyTree) -> tuple[Params, State]:
        """Parameters and state for inputs of that shape: float64 under a float64 policy."""
        in_shape = self.policy.cast_shape(in_shape)
        with error_path("net"):
            return self.net.init(key, in_shape)

    def predict(self, params: Params, state: State, x: PyTree) -> jax.Array:
        """The network's output in evaluation mode, float32 or wider."""
        x = self.policy.cast(x)
        with error_path("net"):
            output, _ = self.net.apply(params, state, x)
        return output.astype(wide(output.dtype))

    def value(
        self,
        params: Params,
        state: State,
        batch: Batch,
        *,
        train: bool = True,
        key: Key = None,
    ) -> tuple[jax.Array, Aux]:
        """The objective, and what comes beside it."""
        x = self.policy.cast(batch.x)
        with error_path("net"):
            output, state = self.net.apply(params, state, x, train=train, key=key)
        return self.score(params, state, output, batch)

    def score(
        self, params: Params, state: State, output: jax.Array, batch: Batch
    ) -> tuple[jax.Array, Aux]:
        """The objective of an output that is already there."""
        output = output.astype(wide(output.dtype))
        with error_path("loss"):
            losses = self.loss.per_example(output, batch.target)
        loss = (losses * normalized_weights(batch.weight, losses)).sum()
        penalties = (penalty.value(params).astype(loss.dtype) for penalty in self.penalties)
        return sum(penalties, start=loss), Aux(state, output, loss)

    def output_gradient(self, output: jax.Array, batch: Batch) -> jax.Array:
        """The cotangent at the network's output, in the output's own dtype."""
        wider = output.astype(wide(output.dtype))
        with error_path("loss"):
            gradient = self.loss.gradient(wider, batch.target)
        return (gradient * normalized_weights(batch.weight, gradient[..., 0])[..., None]).astype(
            output.dtype
        )


def normalized_weights(weight: jax.Array | None, losses: jax.Array) -> jax.Array:
    """wᵢ / Σ w in the shape of the losses; zeros where the weights sum to zero."""
    if weight is None:
        share = 1 / losses.size if losses.size else 0.0
        return jnp.full((1,) * losses.ndim, share, losses.dtype)
    if weight.shape != losses.shape[: weight.ndim]:
        raise ShapeError(f"the losses have shape {losses.shape}, the weights {weight.shape}")
    missing = tuple(range(weight.ndim, losses.ndim))
    weight = jnp.broadcast_to(jnp.expand_dims(weight.astype(losses.dtype), missing), losses.shape)
    weight = weight / power_of_two(largest_entry([weight]).astype(weight.dtype))  # or Σ overflows
    total = weight.sum()
    return jnp.where(total == 0, 0, weight / jnp.where(total == 0, 1, total))
