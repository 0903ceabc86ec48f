"""Claimed products: vjp, jvp, integers among the leaves, Hessian-vector products, time steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.audit_power.claims.case import Case

Tree = dict[str, Any]
FUNCTIONS: dict[str, Callable[[Tree], Tree]] = {
    "affine": lambda p: {"y": p["w"] @ p["x"], "z": jnp.sum(p["x"] ** 2)},
    "gate": lambda p: {"y": jnp.tanh(p["w"]) * p["x"], "z": jax.nn.sigmoid(p["w"] @ p["x"])},
    "softmax": lambda p: {"y": jax.nn.softmax(p["w"] @ p["x"]), "z": jnp.exp(p["x"]) * p["w"][0]},
    "relu": lambda p: {"y": jax.nn.relu(p["w"] @ p["x"]), "z": p["x"] * jnp.cos(p["w"].sum())},
    "norm": lambda p: {
        "y": p["x"] / jnp.linalg.norm(p["x"]) * p["w"][1],
        "z": p["w"] @ p["w"].T @ p["x"],
    },
}
SCALARS: dict[str, Callable[[Tree], jax.Array]] = {
    "quadratic": lambda p: jnp.sum((p["w"] @ p["x"]) ** 2),
    "tanh": lambda p: jnp.sum(jnp.tanh(p["w"] @ p["x"])),
    "logistic": lambda p: jnp.sum(jax.nn.softplus(p["w"] @ p["x"])),
    "entropy": lambda p: -jax.nn.log_softmax(p["w"] @ p["x"])[0] + jnp.sum(p["w"] ** 4),
    "ratio": lambda p: jnp.sum(p["w"] @ p["x"]) / (1 + jnp.sum(p["x"] ** 2)),
}
CELLS: dict[str, Callable[..., jax.Array]] = {
    "tanh": lambda w, h, x: jnp.tanh(w["a"] * h + w["b"] * x),
    "leaky": lambda w, h, x: 0.9 * h + w["a"] * jnp.sin(w["b"] * x + h),
    "gated": lambda w, h, x: jax.nn.sigmoid(w["a"] * x) * h + jnp.tanh(w["b"] * x),
}
LENGTH = 6


def point(seed: int) -> Tree:
    """A matrix and a vector."""
    draw = np.random.default_rng(seed)
    return {"w": draw.normal(size=(3, 3)), "x": draw.normal(size=3)}


def only(tree: Tree, name: str) -> Tree:
    """The tree with zeros in all other leaves."""
    return {key: leaf if key == name else jnp.zeros_like(leaf) for key, leaf in tree.items()}


def plus(tree: Tree, other: Tree, name: str, factor: float) -> Tree:
    """The tree, its leaf of that name plus a factor times another's."""
    return {**tree, name: tree[name] + factor * other[name]}


def _pair(f: Callable[[Tree], Tree]) -> tuple[Callable[..., Tree], Callable[..., Tree]]:
    def vjp(p: Tree, u: Tree) -> Tree:
        return jax.vjp(f, p)[1](u)[0]

    def jvp(p: Tree, v: Tree) -> Tree:
        return jax.jvp(f, (p,), (v,))[1]

    return vjp, jvp


def _bad_vjp(vjp: Callable[..., Tree], output: str, leaf: str, c: float) -> Callable[..., Tree]:
    """What the output's cotangent adds to the leaf, times 1 + c; of a Hessian too."""
    return lambda p, u: plus(vjp(p, u), vjp(p, only(u, output)), leaf, c)


def _bad_jvp(jvp: Callable[..., Tree], output: str, leaf: str, c: float) -> Callable[..., Tree]:
    return lambda p, v: plus(jvp(p, v), jvp(p, only(v, leaf)), output, c)


def right_products() -> Iterator[Case]:
    """40 pairs."""
    for name, f in FUNCTIONS.items():
        vjp, jvp = _pair(f)
        for seed in range(8):
            p = point(seed)
            yield Case(
                "vjp and jvp",
                f"{name} {seed}",
                partial(fnn.audit_products, f, p, vjp=vjp, jvp=jvp),
            )


def wrong_products() -> Iterator[Case]:
    """20: in a block of the Jacobian, a factor in the vjp and in the jvp."""
    blocks = [("y", "x", 1.0), ("z", "x", -1.0)]
    for name, f in FUNCTIONS.items():
        vjp, jvp = _pair(f)
        p = point(50)
        for output, leaf, factor in blocks:
            place = f"d {output} / d {leaf}"
            yield Case(
                "vjp and jvp",
                f"{name}, vjp, × {1 + factor}",
                partial(fnn.audit_products, f, p, vjp=_bad_vjp(vjp, output, leaf, factor), jvp=jvp),
                place,
            )
            yield Case(
                "vjp and jvp",
                f"{name}, jvp, 1 %",
                partial(
                    fnn.audit_products,
                    f,
                    p,
                    vjp=vjp,
                    jvp=_bad_jvp(jvp, output, leaf, 0.01 * factor),
                ),
                f"jvp: {place}",
            )


def _hvp(f: Callable[[Tree], jax.Array]) -> Callable[[Tree, Tree], Tree]:
    return lambda p, v: jax.jvp(jax.grad(f), (p,), (v,))[1]


def right_second_order() -> Iterator[Case]:
    """20 Hessian-vector products."""
    for name, f in SCALARS.items():
        for seed in range(4):
            p = point(seed)
            yield Case("hvp", f"{name} {seed}", partial(fnn.audit_hvp, f, _hvp(f), p))


def wrong_second_order() -> Iterator[Case]:
    """10: a block of the Hessian is missing, or off by a tenth."""
    for name, f in SCALARS.items():
        p, right = point(60), _hvp(f)
        for source, leaf, factor in (("w", "x", -1.0), ("x", "x", 0.1)):
            yield Case(
                "hvp",
                f"{name}, × {1 + factor}",
                partial(fnn.audit_hvp, f, _bad_vjp(right, source, leaf, factor), p),
                f"d² / d {source} / d {leaf}",
            )


def _recurrent(cell: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    def run(w: Tree, xs: jax.Array) -> jax.Array:
        def body(h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            h = cell(w, h, x)
            return h, h

        return jax.lax.scan(body, jnp.zeros_like(xs[0]), xs)[1]

    return run


def _weights(seed: int) -> tuple[Tree, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {"a": np.array(0.5), "b": draw.normal(size=2)}, draw.normal(size=(LENGTH, 2))


def _pulled(run: Callable[..., jax.Array]) -> Callable[..., Tree]:
    return lambda w, xs, u: jax.vjp(run, w, xs)[1](u)[0]


def _wrong_at(
    step: int, run: Callable[..., jax.Array], cell: Callable[..., jax.Array]
) -> Callable[..., Tree]:
    """Backpropagation through time with b's share of one step off by half."""

    def bad(w: Tree, xs: jax.Array, u: jax.Array) -> Tree:
        def body(
            carry: tuple[jax.Array, Tree], row: tuple[jax.Array, jax.Array, jax.Array]
        ) -> tuple[tuple[jax.Array, Tree], None]:
            dh, dw = carry
            t, x, du = row
            before = jnp.where(t > 0, jnp.take(hs, jnp.maximum(t - 1, 0), axis=0), 0.0)
            _, back = jax.vjp(lambda w, h: cell(w, h, x), w, before)
            here, dh = back(dh + du)
            here = {**here, "b": here["b"] * jnp.where(t == step, 1.5, 1.0)}
            return (dh, jax.tree.map(jnp.add, dw, here)), None

        hs = run(w, xs)
        start = (jnp.zeros_like(xs[0]), jax.tree.map(jnp.zeros_like, w))
        return jax.lax.scan(body, start, (jnp.arange(LENGTH), xs, u), reverse=True)[0][1]

    return bad


def right_steps() -> Iterator[Case]:
    """12 recurrent functions."""
    for name, cell in CELLS.items():
        run = _recurrent(cell)
        for seed in range(4):
            yield Case(
                "time steps",
                f"{name} {seed}",
                partial(
                    fnn.audit_steps,
                    run,
                    _pulled(run),
                    *_weights(seed),
                ),
            )


def wrong_steps() -> Iterator[Case]:
    """12: the backward pass goes wrong at one step, and in all that flows through it."""
    for name, cell in CELLS.items():
        run = _recurrent(cell)
        for step in (1, 2, 4, 5):
            yield Case(
                "time steps",
                f"{name}, step {step}",
                partial(fnn.audit_steps, run, _wrong_at(step, run, cell), *_weights(9)),
                f"first wrong at step {step} of",
            )


def _indexed(p: Tree) -> Tree:
    return {"y": p["w"][p["n"]] * p["x"], "rank": jnp.argsort(p["x"]), "up": p["x"] > 0}


def integers() -> Iterator[Case]:
    """2 right claims with integers and booleans, and 3 wrong ones."""
    p = {**point(3), "n": np.array([0, 2, 1])}

    def vjp(p: Tree, u: Tree) -> Tree:
        return jax.vjp(_indexed, p)[1](u)[0]

    def jvp(p: Tree, v: Tree) -> Tree:
        return jax.jvp(_indexed, (p,), (v,))[1]

    kind = "integers"
    yield Case(kind, "vjp", lambda: fnn.audit_products(_indexed, p, vjp=vjp))
    yield Case(kind, "jvp", lambda: fnn.audit_products(_indexed, p, jvp=jvp))
    yield Case(
        kind,
        "an index has a gradient",
        lambda: fnn.audit_products(_indexed, p, vjp=lambda p, u: {**vjp(p, u), "n": np.ones(3)}),
        "d n",
    )
    yield Case(
        kind,
        "the leaf beside it",
        lambda: fnn.audit_products(
            _indexed, p, vjp=lambda p, u: {**vjp(p, u), "x": 2 * vjp(p, u)["x"]}
        ),
        "d y / d x",
    )
    yield Case(
        kind,
        "the jvp beside it",
        lambda: fnn.audit_products(
            _indexed, p, jvp=lambda p, v: {**jvp(p, v), "y": -jvp(p, v)["y"]}
        ),
        "jvp: d y",
    )
