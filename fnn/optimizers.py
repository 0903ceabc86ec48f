"""Optimisers: specs that become Optax transformations inside the trace.

Learning rates, decays, momenta and clips are leaves, so another value compiles nothing and `vmap`
sweeps them. The arithmetic is Optax's, from numbers in the dtype of the parameters: in float32
1 - b2 is rounded after, not before the subtraction, and so 1e-5 off (relatively) from Optax's when
that is given Python's 0.999.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

import jax
import jax.numpy as jnp
import optax

from fnn.layer import Tree, is_weight
from fnn.schedules import Schedule
from fnn.spec import SpecError, is_spec, named, number, numbers, spec, static

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(number, static))
def _abstract(cls: type[T]) -> type[T]:
    """Fields that specs inherit; the class itself is none, because a spec is final."""
    return dataclass(frozen=True, eq=False, repr=False)(cls)


class Optimizer(ABC):
    """What turns gradients into updates; a concrete optimiser is a `@spec`."""

    @abstractmethod
    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """Optax's `init` and `update`, made inside the trace from leaves that may be traced.

        Parameters, updates and state keep their dtype, whatever that of the leaves.
        """


@_abstract
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
        return _keep_dtypes(lambda dtype: numbers(self, dtype)._chain())

    def _chain(self) -> optax.GradientTransformation:
        rate = self.learning_rate
        steps = [
            self.clip_value is not None and optax.clip(self.clip_value),
            self.clip_norm is not None and optax.clip_by_global_norm(self.clip_norm),
            self.direction(),
            self.weight_decay is not None
            and optax.add_decayed_weights(self.weight_decay, mask=_weights),
            optax.scale_by_learning_rate(rate.value if isinstance(rate, Schedule) else rate),
        ]
        return optax.chain(*(step for step in steps if step))


@spec("sgd.v1")
class SGD(Rule):
    """Direction g; with momentum μ the velocity v ← μv + g, or with Nesterov's g + μv.

    Sources: Polyak 1964; Sutskever et al. 2013 (Nesterov). PyTorch's SGD without dampening. Keras
    puts the learning rate into the velocity, which differs once the rate changes.
    """

    learning_rate: float | Schedule = number(default=0.01, low=0)
    momentum: float | None = number(default=None, low=0, high=1)
    nesterov: bool = static(default=False)

    def check(self) -> None:
        if self.nesterov and self.momentum is None:
            raise SpecError("expected a momentum beside it, got momentum=None", "nesterov")

    def direction(self) -> optax.GradientTransformation:
        if self.momentum is None:
            return optax.identity()
        return optax.trace(self.momentum, self.nesterov)


@_abstract
class _Adam(Rule):
    learning_rate: float | Schedule = number(default=0.001, low=0)
    b1: float = number(default=0.9, low=0, below=1)
    b2: float = number(default=0.999, low=0, below=1)
    eps: float = number(default=1e-8, low=0)

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_adam(self.b1, self.b2, self.eps)


@spec("adam.v1")
class Adam(_Adam):
    """m ← b1·m + (1 - b1)·g, v ← b2·v + (1 - b2)·g²; direction m̂ / (√v̂ + eps), where
    m̂ = m / (1 - b1^t) and v̂ = v / (1 - b2^t) at the update t = 1, 2, …

    Source: Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1. As PyTorch and Optax, which share
    these defaults; Keras's eps is 1e-7 and stands beside an uncorrected √v.
    """


@spec("adamw.v1")
class AdamW(_Adam):
    """`Adam` with decoupled weight decay on by default.

    Source: Loshchilov & Hutter 2019 (arXiv:1711.05101). The default 0.01 is PyTorch's; Optax has
    1e-4, Keras 0.004, and all three decay biases as well.
    """

    weight_decay: float | None = number(default=0.01, low=0, kw_only=True)


@spec("rmsprop.v1")
class RMSprop(Rule):
    """v ← decay·v + (1 - decay)·g²; direction g / (√v + eps).

    With `centered`, v - m² in place of v, where m averages g as v does g² (Graves 2013,
    arXiv:1308.0850): it goes to 0 under a constant gradient, and then steps grow without bound.
    With `momentum` μ the direction is the velocity u ← μu + g / (√v + eps).

    Source: Hinton 2012, Coursera lecture 6e. PyTorch's, whose decay (alpha) is 0.99 and whose
    learning rate is 0.01. Keras and Optax put eps inside the root (eps 1e-7 and 1e-8) and the
    learning rate into the velocity.
    """

    learning_rate: float | Schedule = number(default=0.001, low=0)
    decay: float = number(default=0.9, low=0, below=1)
    eps: float = number(default=1e-8, low=0)
    momentum: float | None = number(default=None, low=0, high=1)
    centered: bool = static(default=False)

    def direction(self) -> optax.GradientTransformation:
        scale = optax.scale_by_stddev if self.centered else optax.scale_by_rms
        scaled = scale(self.decay, self.eps, eps_in_sqrt=False)
        return scaled if self.momentum is None else optax.chain(scaled, optax.trace(self.momentum))


@spec("adagrad.v1")
class AdaGrad(Rule):
    """s ← s + g², from s = `initial_accumulator`; direction g / √(s + eps).

    Source: Duchi et al. 2011 (JMLR 12). As Optax and Keras (whose learning rate is 0.001).
    PyTorch starts at s = 0 and divides by √s + eps with eps = 1e-10.
    """

    learning_rate: float | Schedule = number(default=0.01, low=0)
    initial_accumulator: float = number(default=0.1, low=0)
    eps: float = number(default=1e-7, low=0)

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_rss(self.initial_accumulator, self.eps)


@spec("lion.v1")
class Lion(Rule):
    """Direction sign(b1·m + (1 - b1)·g), then m ← b2·m + (1 - b2)·g.

    Source: Chen et al. 2023 (arXiv:2302.06675), algorithm 2. As Optax, whose weight decay is 1e-3
    by default where here it is off; Keras's learning rate is 0.001; PyTorch has none.
    """

    learning_rate: float | Schedule = number(default=1e-4, low=0)
    b1: float = number(default=0.9, low=0, below=1)
    b2: float = number(default=0.99, low=0, below=1)

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_lion(self.b1, self.b2)


@spec("optax_transformation.v1")
class OptaxTransformation(Optimizer):
    """Somebody's own Optax transformation, taken as it is: learning rate, sign and all.

    It is compared by the identity of its functions, and its numbers are constants of the program:
    a new object is a new program, a sweep over its numbers compiles once a member. JSON can't
    hold it.
    """

    given: optax.GradientTransformation = static()

    def transformation(self) -> optax.GradientTransformationExtraArgs:
        return _keep_dtypes(lambda _: self.given)


def as_optimizer(value: Any) -> Optimizer:
    """An optimiser from a spec, a name with all its defaults (`"adam"`), or an Optax object.

    Raises `SpecError` for anything else, with the nearest known name.
    """
    if isinstance(value, str):
        made: Rule = named(value, Rule)
        return made
    if isinstance(value, optax.GradientTransformation):
        return OptaxTransformation(value)
    if isinstance(value, Optimizer) and is_spec(value):
        return value
    got = f"the class: write {value.__name__}(…)" if isinstance(value, type) else repr(value)
    raise SpecError(f"expected an optimiser, its name or an Optax transformation, got {got}")


def _weights(params: Tree) -> Tree:
    """True for leaves named `weight`, whatever their rank: stacked biases are matrices too."""

    return jax.tree_util.tree_map_with_path(lambda path, _: is_weight(path), params)


def _keep_dtypes(
    make: Callable[[Any], optax.GradientTransformation],
) -> optax.GradientTransformationExtraArgs:
    """`make(dtype)` under standard promotion, which Optax needs, with results in the given dtypes.

    Gradients go in at `dtype`: that of the widest parameter, and float32 or wider.
    """

    def at(tree: Tree) -> tuple[Any, optax.GradientTransformationExtraArgs]:
        dtype = jnp.result_type(jnp.float32, *jax.tree.leaves(tree))
        return dtype, optax.with_extra_args_support(make(dtype))

    def init(params: Tree) -> Tree:
        with jax.numpy_dtype_promotion("standard"):
            return at(params)[1].init(params)

    def update(grads: Tree, state: Tree, params: Tree = None, **extra: Any) -> tuple[Tree, Tree]:
        with jax.numpy_dtype_promotion("standard"):
            dtype, inner = at(grads)
            wide = jax.tree.map(lambda grad: grad.astype(dtype), grads)
            updates, new_state = inner.update(wide, state, params, **extra)
            return _cast_like(updates, grads), _cast_like(new_state, state)

    return optax.GradientTransformationExtraArgs(init, update)


def _cast_like(tree: Tree, like: Tree) -> Tree:
    return jax.tree.map(lambda new, old: new.astype(old.dtype), tree, like)
