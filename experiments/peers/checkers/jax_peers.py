"""`jax.test_util.check_grads` and `chex.assert_numerical_grads`, as their users call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chex  # type: ignore[import-untyped]
import jax
import jax.test_util

from experiments.peers.checkers.gradient_cases import Array, GradientCase, Programs
from experiments.peers.checkers.outcomes import Answer, Outcome, shortened

DISAGREED = "cotangent projection"
"""in the message of both where the gradients disagree"""


def differentiable(programs: Programs) -> Callable[..., jax.Array]:
    """The value as a function of the leaves, with the claimed gradient for its `custom_vjp`."""

    @jax.custom_vjp
    def function(*leaves: Array) -> jax.Array:
        return programs.value(leaves)

    def forward(*leaves: Array) -> tuple[jax.Array, list[jax.Array]]:
        return programs.value(leaves), programs.gradient(leaves)

    def backward(gradient: list[jax.Array], cotangent: jax.Array) -> tuple[jax.Array, ...]:
        return tuple(cotangent * leaf for leaf in gradient)

    function.defvjp(forward, backward)
    result: Callable[..., jax.Array] = function
    return result


def check_grads(claim: GradientCase, programs: Programs) -> Answer:
    """`jax.test_util.check_grads(f, args, order=1, modes=["rev"])`.

    A `custom_vjp` has no forward mode, which is among the modes by default.
    """
    return asserted(
        lambda: jax.test_util.check_grads(
            differentiable(programs), programs.leaves, order=1, modes=["rev"]
        )
    )


def assert_numerical_grads(claim: GradientCase, programs: Programs) -> Answer:
    """`chex.assert_numerical_grads(f, args, order=1, modes=["rev"])`.

    It hands everything on to `check_grads`, with a tolerance of 0.01 times the size of the first
    leaf, and `jax.lax.stop_gradient` replaced: our programs are compiled before and keep theirs.
    """
    return asserted(
        lambda: chex.assert_numerical_grads(
            differentiable(programs), programs.leaves, order=1, modes=["rev"]
        )
    )


def asserted(check: Callable[[], Any]) -> Answer:
    """What an assertion about gradients says. Raises what it raises for another reason."""
    try:
        check()
    except AssertionError as error:
        if DISAGREED not in str(error):
            raise
        return Answer(Outcome.OBJECTS, shortened(error))
    return Answer(Outcome.PASSES)
