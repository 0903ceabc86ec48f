"""The loss contract, and how targets are matched to outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp

from fnn.spec import ShapeError, SpecError, choice

Task: TypeAlias = Literal["binary", "classes", "regression"]
"""two classes or yes/no answers with one logit each, one class among C, numbers"""


class Loss(ABC):
    """A number for every example, and its gradient with respect to the output, by hand.

    The last axis of an output holds features or classes; all before it is batch. Outputs come in
    float32 or wider. Weighting and averaging over examples is the objective's.

    A loss of your own that names its `task` has the metrics of that task, and is refused for
    targets of another one; without a task it fits any target and is measured by itself alone.
    """

    task: ClassVar[Task | None] = None
    """what the network predicts; None: anything"""
    takes_probabilities: ClassVar[bool] = False
    """whether an output for classes holds probabilities; else logits"""
    average: ClassVar[Literal["mean", "softmax", "sigmoid"]] = "mean"
    """how an `Ensemble` averages outputs: as they are, or as the probabilities of logits"""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        tasks = get_args(Task)
        if cls.task is not None and cls.task not in tasks:
            raise SpecError(
                f"unknown task {cls.task!r}{choice(str(cls.task), tasks)}", cls.__name__
            )

    @abstractmethod
    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        """Losses of shape output.shape[:-1]."""

    @abstractmethod
    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        """∂ (loss of an example) / ∂ (its output), in the shape of the output."""


@dataclass(frozen=True)
class LossExample:
    """A loss with outputs and targets that it takes: each module of losses has `examples()`."""

    name: str
    spec: Loss
    target: Literal["real", "classes", "one-hot", "binary", "one per row"] = "real"
    """real numbers in the shape of the output, class numbers, one-hot rows, zeros and ones, or a
    number where the output has a last axis of length 1"""
    outputs: tuple[int, ...] = (3,)
    """an example's output"""


def paired(output: jax.Array, target: jax.Array) -> jax.Array:
    """The target in the shape and dtype of the output.

    Beside an output (…, 1) a target may lack the last axis. Anything else that would have to be
    broadcast is a `ShapeError`: (B, 1) − (B) is a (B, B) in NumPy, and a silent mistake.
    """
    if output.shape[-1:] == (1,) and target.shape == output.shape[:-1]:
        target = target[..., None]
    if target.shape != output.shape:
        raise ShapeError(f"the output has shape {output.shape}, the target {target.shape}")
    return target.astype(output.dtype)


def class_probabilities(output: jax.Array, target: jax.Array) -> jax.Array:
    """One row of probabilities an example: from class numbers, or one-hot rows as they are.

    A class number outside 0 … C−1 gives a row of NaN, so that it can't pass unseen.
    """
    classes = output.shape[-1]
    if not jnp.issubdtype(target.dtype, jnp.integer):
        if target.shape != output.shape:
            raise ShapeError(
                f"the output has shape {output.shape}, the one-hot target {target.shape}; "
                "class numbers must be integers"
            )
        return target.astype(output.dtype)
    if target.shape != output.shape[:-1]:
        raise ShapeError(
            f"the output has shape {output.shape}, so class numbers need shape "
            f"{output.shape[:-1]}, got {target.shape}"
        )
    if jnp.iinfo(target.dtype).bits < 32:  # class 300 is 44 in uint8
        target = target.astype(jnp.int32)
    known = (target >= 0) & (target < classes)
    fill = jnp.where(known, jnp.zeros((), output.dtype), jnp.nan)
    return jax.nn.one_hot(target, classes, dtype=output.dtype) + fill[..., None]


def smoothed(target: jax.Array, smoothing: float | None, classes: int) -> jax.Array:
    """(1 − s) target + s / classes (Szegedy et al. 2016, §7); None leaves the target alone."""
    if smoothing is None:
        return target
    s = jnp.asarray(smoothing, target.dtype)
    return (1 - s) * target + s / classes
