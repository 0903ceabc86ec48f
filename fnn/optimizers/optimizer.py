"""The optimizer contract, what all rules share, and Optax in the parameters' dtypes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from fnn.layer import Grads, Params, PyTree, is_weight
from fnn.optimizers.transformations import clip_by_norm
from fnn.schedules import Schedule
from fnn.shapes import DType
from fnn.spec import abstract_spec, number, numbers


class Optimizer(ABC):
    """What turns gradients into updates; a concrete optimizer is a `@spec`."""

    @abstractmethod
    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """Optax's `init` and `update`, built inside the trace from leaves that may be traced.

        Parameters, updates and state keep their dtype, whatever that of the leaves.
        """


@abstract_spec
class Rule(Optimizer):
    """Gradients, clipped; a direction from them; weight decay; times -`learning_rate`.

    Arguments of every rule:
        learning_rate: a number, or a `Schedule` of the update's index (0 for the first).
        weight_decay: λ of the decoupled decay w ← w - learning_rate·(direction + λw), after
            Loshchilov & Hutter 2019 (arXiv:1711.05101). It touches leaves named `weight` and no
            others; None for none. PyTorch decays biases too and, save in AdamW, adds λw to the
            gradient instead (L2); Optax decays every leaf unless given a mask.
        clip_value: every entry of the gradient is first clipped to ±clip_value.
        clip_norm: then all gradients together are scaled to this Euclidean norm if theirs is
            larger (Pascanu et al. 2013, arXiv:1211.5063). Must not be 0.
    """

    learning_rate: float | Schedule = number(low=0)
    weight_decay: float | None = number(default=None, low=0, kw_only=True)
    clip_value: float | None = number(default=None, low=0, kw_only=True)
    clip_norm: float | None = number(default=None, low=1e-30, kw_only=True)

    @abstractmethod
    def direction(self) -> optax.GradientTransformation:
        """The step for a learning rate of -1, before weight decay."""

    def transformation(self) -> optax.GradientTransformationExtraArgs:
        # Leaves take the dtype of the parameters, but no less than float32: 0.999 is 1 in bfloat16.
        return preserve_dtypes(lambda dtype: numbers(self, dtype)._chain())

    def _chain(self) -> optax.GradientTransformation:
        rate = self.learning_rate
        steps = [
            self.clip_value is not None and optax.clip(self.clip_value),
            self.clip_norm is not None and clip_by_norm(self.clip_norm),
            self.direction(),
            self.weight_decay is not None
            and optax.add_decayed_weights(self.weight_decay, mask=_weights),
            optax.scale_by_learning_rate(rate.value if isinstance(rate, Schedule) else rate),
        ]
        return optax.chain(*(step for step in steps if step))


def _weights(params: Params) -> PyTree:
    """True for leaves named `weight`, whatever their rank: stacked biases are matrices too."""
    return jax.tree_util.tree_map_with_path(lambda path, _: is_weight(path), params)


def preserve_dtypes(
    make: Callable[[DType], optax.GradientTransformation],
) -> optax.GradientTransformationExtraArgs:
    """`make(dtype)` under standard promotion, which Optax needs, from and to the arguments' dtypes.

    Gradients go in at `dtype`: that of the widest parameter, and float32 or wider.
    """

    def at(tree: PyTree) -> tuple[DType, optax.GradientTransformationExtraArgs]:
        dtype = jnp.result_type(jnp.float32, *jax.tree.leaves(tree))
        return dtype, optax.with_extra_args_support(make(dtype))

    def init(params: Params) -> PyTree:
        with jax.numpy_dtype_promotion("standard"):
            return at(params)[1].init(params)

    def update(
        grads: Grads, state: PyTree, params: PyTree = None, **extra: object
    ) -> tuple[PyTree, PyTree]:
        with jax.numpy_dtype_promotion("standard"):
            dtype, inner = at(grads)
            wide = jax.tree.map(lambda grad: grad.astype(dtype), grads)
            updates, new_state = inner.update(wide, state, params, **extra)
            return _cast_like(updates, grads), _cast_like(new_state, state)

    return optax.GradientTransformationExtraArgs(init, update)


def _cast_like(tree: PyTree, like: PyTree) -> PyTree:
    return jax.tree.map(lambda new, old: new.astype(old.dtype), tree, like)
