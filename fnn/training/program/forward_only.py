"""Values that have derivatives in forward mode alone, and an error in words in reverse mode."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn

import jax
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir

from fnn.layer import PyTree
from fnn.spec import FnnError

if TYPE_CHECKING:
    from jax.extend.core import Primitive


def forward_only(values: PyTree) -> PyTree:
    """The same values. Reverse-mode differentiation through them raises `FnnError`."""

    def one(leaf: jax.Array) -> Any:
        return _identity().bind(leaf) if jnp.issubdtype(leaf.dtype, jnp.inexact) else leaf

    return jax.tree.map(one, values)


def _no_transpose(*_: object) -> NoReturn:
    raise FnnError(
        "fnn.segment has no derivative in reverse mode (jax.grad, jax.vjp), because its loop takes "
        "a number of steps that is known only as it runs. Forward mode works (jax.jvp, "
        "jax.jacfwd), and reverse mode works through fnn.step in a jax.lax.scan"
    )


@functools.cache
def _identity() -> Primitive:
    """Made when it is first needed: importing JAX's module of primitives adds settings to JAX's."""
    from jax.extend.core import Primitive

    identity = Primitive("fnn_forward_only")
    identity.def_impl(lambda x: x)
    identity.def_abstract_eval(lambda x: x)
    ad.deflinear2(identity, _no_transpose)
    batching.defvectorized(identity)
    mlir.register_lowering(identity, lambda ctx, x: [x])
    return identity
