"""Rules of `custom_vjp` and `custom_jvp` inside a function, and around kernels of Pallas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas

import fnn
from experiments.audit_power.claims.case import Case

Function = Callable[[jax.Array], jax.Array]


def with_vjp(factor: float) -> Function:
    """x² tanh x, the slope by a rule times a factor."""

    @jax.custom_vjp
    def bump(x: jax.Array) -> jax.Array:
        return x**2 * jnp.tanh(x)

    def backward(x: jax.Array, u: jax.Array) -> tuple[jax.Array]:
        return (factor * u * (2 * x * jnp.tanh(x) + x**2 / jnp.cosh(x) ** 2),)

    bump.defvjp(lambda x: (bump(x), x), backward)
    return bump


def with_jvp(factor: float) -> Function:
    """log(1 + eˣ), the slope by a rule times a factor."""

    @jax.custom_jvp
    def smooth(x: jax.Array) -> jax.Array:
        return jnp.log1p(jnp.exp(x))

    smooth.defjvp(lambda p, t: (smooth(*p), factor * jax.nn.sigmoid(p[0]) * t[0]))
    return smooth


def kernel(factor: float) -> Function:
    """sin x by a kernel, the slope by a rule times a factor."""

    def body(x_ref: object, o_ref: object) -> None:
        o_ref[...] = jnp.sin(x_ref[...])  # type: ignore[index]

    @jax.custom_vjp
    def wave(x: jax.Array) -> jax.Array:
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return pallas.pallas_call(body, out_shape=shape, interpret=True)(x)

    wave.defvjp(lambda x: (wave(x), x), lambda x, u: (factor * jnp.cos(x) * u,))
    return wave


def _scan(g: Function) -> Function:
    return lambda x: jax.lax.scan(lambda c, v: (g(0.5 * c + v), g(v)), x[0], x)[1].sum()


def _sum(f: Function, g: Function) -> Function:
    return lambda x: f(x) + g(x).sum()


SURROUNDINGS: dict[str, Callable[[Function], Function]] = {
    "plain": lambda g: lambda x: g(x).sum(),
    "jit": lambda g: jax.jit(lambda x: jnp.sin(g(x)).sum()),
    "scan": _scan,
    "cond": lambda g: lambda x: jax.lax.cond(x.sum() < 100, g, jnp.sin, x).sum(),
    "vmap": lambda g: lambda x: jax.vmap(g)(x).sum(),
    "checkpoint": lambda g: lambda x: jax.checkpoint(lambda v: jax.nn.relu(g(v)))(x).sum(),
}


def rules() -> Iterator[Case]:
    """24 right rules, and 12 wrong ones beside a right one."""
    kind = "custom rules"
    for place, around in SURROUNDINGS.items():
        for make, name, factor in ((with_vjp, "bump", 2.0), (with_jvp, "smooth", 0.99)):
            right = around(make(1.0))
            for seed in range(2):
                x = np.random.default_rng(seed).normal(size=4)
                yield Case(
                    kind,
                    f"{name} in {place} {seed}",
                    partial(fnn.audit_custom_rules, right, x),
                )
            other = with_jvp(1.0) if name == "bump" else with_vjp(1.0)

            both = _sum(around(make(factor)), other)
            x = np.random.default_rng(5).normal(size=4)
            yield Case(
                kind,
                f"{name} in {place} × {factor}",
                partial(fnn.audit_custom_rules, both, x),
                name,
            )


def kernels() -> Iterator[Case]:
    """2 right claims about a kernel in interpret mode, and 3 wrong ones."""
    x, kind = np.random.default_rng(1).normal(size=8), "Pallas kernels"
    wave = kernel(1.0)

    def vjp(x: jax.Array, u: jax.Array, factor: float = 1.0) -> jax.Array:
        return factor * jnp.cos(x) * u

    yield Case(kind, "rule", lambda: fnn.audit_custom_rules(lambda x: wave(x).sum(), x))
    yield Case(kind, "vjp", lambda: fnn.audit_products(wave, x, vjp=vjp))
    bad = kernel(1.1)
    yield Case(
        kind, "rule × 1.1", lambda: fnn.audit_custom_rules(lambda x: bad(x).sum(), x), "wave"
    )
    yield Case(
        kind,
        "vjp × 2",
        lambda: fnn.audit_products(wave, x, vjp=lambda x, u: vjp(x, u, 2.0)),
        "d output / d args[0]",
    )
    yield Case(
        kind,
        "gradient of it",
        lambda: fnn.audit_gradient(lambda x: bad(x).sum(), jax.grad(lambda x: bad(x).sum()), x),
        "args[0]",
    )
