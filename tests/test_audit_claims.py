"""Claims beside gradients: products, second order, time steps, custom rules, kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas

import fnn
from fnn.audit import Audit, Verdict

Tree = dict[str, Any]
DRAW = np.random.default_rng(0)
POINT = {"w": DRAW.normal(size=3), "x": DRAW.normal(size=3), "n": np.array([2, 0, 1])}


def f(p: Tree) -> Tree:
    """An output of floats, one of integers."""
    return {"y": p["w"] * jnp.sin(p["x"]), "rank": jnp.argsort(p["x"])}


def vjp(p: Tree, u: Tree) -> Tree:
    """By hand; the integers' gradient is None."""
    return {"w": u["y"] * np.sin(p["x"]), "x": u["y"] * p["w"] * np.cos(p["x"]), "n": None}


def jvp(p: Tree, v: Tree) -> Tree:
    """By hand; the integers' tangent is None."""
    return {"y": v["w"] * np.sin(p["x"]) + p["w"] * np.cos(p["x"]) * v["x"], "rank": None}


def verdicts(audit: Audit) -> dict[str, Verdict]:
    """By path."""
    return {row.path: row.verdict for row in audit.rows}


def wrong(audit: Audit) -> list[str]:
    """The paths of wrong rows."""
    return [path for path, verdict in verdicts(audit).items() if verdict is Verdict.WRONG]


def test_a_right_pair_is_proved_and_integers_have_no_derivative() -> None:
    """Outputs and leaves that are integers are DEAD, and said to be."""
    audit = fnn.audit_products(f, POINT, vjp=vjp, jvp=jvp)
    assert audit.ok
    assert verdicts(audit) == {
        "d y / d w": Verdict.PASS,
        "d y / d x": Verdict.PASS,
        "d rank": Verdict.DEAD,
        "d n": Verdict.DEAD,
        "jvp: d y / d w": Verdict.PASS,
        "jvp: d y / d x": Verdict.PASS,
        "jvp: d rank": Verdict.DEAD,
    }
    assert "int64 has no derivative" in str(audit) and "has no derivative" in audit._repr_html_()
    assert [check.ok for check in audit.checks] == [True]


def test_the_wrong_block_of_a_jacobian_is_named() -> None:
    """In vjp and jvp; and the pair then contradicts itself."""
    bad = lambda p, u: {**vjp(p, u), "x": 2 * vjp(p, u)["x"]}  # noqa: E731
    audit = fnn.audit_products(f, POINT, vjp=bad, jvp=jvp)
    assert wrong(audit) == ["d y / d x"] and audit.checks[0].ok is False
    audit = fnn.audit_products(f, POINT, jvp=lambda p, v: jvp(p, {**v, "w": 0.99 * v["w"]}))
    assert wrong(audit) == ["jvp: d y / d w"]
    audit = fnn.audit_products(f, POINT, vjp=lambda p, u: {**vjp(p, u), "n": np.ones(3)})
    assert wrong(audit) == ["d n"]


def test_a_function_that_jax_cannot_trace_is_audited_by_differences() -> None:
    """NumPy alone."""
    for factor, expected in ((1.0, []), (1.1, ["d output / d args[0]"])):
        claim = lambda x, u, c=factor: c * np.cos(x) * u  # noqa: E731
        audit = fnn.audit_products(lambda x: np.sin(np.asarray(x)), POINT["x"], vjp=claim)
        assert wrong(audit) == expected and audit.ok == (not expected)


def test_a_hessian_is_audited_by_blocks_and_for_symmetry() -> None:
    """Of Σ w x²."""
    function = lambda p: jnp.sum(p["w"] * p["x"] ** 2)  # noqa: E731
    p = {"w": POINT["w"], "x": POINT["x"]}

    def hvp(p: Tree, v: Tree, factor: float = 1.0) -> Tree:
        mixed = 2 * p["x"] * v["w"]
        return {"w": 2 * p["x"] * v["x"], "x": factor * mixed + 2 * p["w"] * v["x"]}

    assert fnn.audit_hvp(function, hvp, p).ok
    audit = fnn.audit_hvp(function, lambda p, v: hvp(p, v, 0.0), p)
    assert wrong(audit) == ["d² / d w / d x"] and audit.checks[0].ok is False
    with pytest.raises(fnn.FnnError, match="can't differentiate f"):
        fnn.audit_hvp(lambda p: np.sum(np.asarray(p["w"])), hvp, p)


def test_the_first_wrong_step_is_named() -> None:
    """Where backpropagation drops what comes from before step 2."""

    def run(w: jax.Array, xs: jax.Array, cut: int = -1) -> jax.Array:
        def body(h: jax.Array, row: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            t, x = row
            h = jnp.tanh(w * jnp.where(t == cut, jax.lax.stop_gradient(h), h) + x)
            return h, h

        return jax.lax.scan(body, jnp.zeros(()), (jnp.arange(4), xs))[1]

    w, xs = np.array(0.5), DRAW.normal(size=4)
    for cut, words in ((-1, "no step is wrong"), (2, "first wrong at step 2 of 4")):
        claim = lambda w, xs, u, cut=cut: jax.vjp(lambda w: run(w, xs, cut), w)[1](u)[0]  # noqa: E731
        audit = fnn.audit_steps(run, claim, w, xs)
        assert audit.checks[-1].words == words and audit.ok == (cut == -1)
    with pytest.raises(fnn.ShapeError, match="time as first axis"):
        fnn.audit_steps(lambda w: w, lambda w, u: u, w)


def square(factor: float) -> Callable[[jax.Array], jax.Array]:
    """x² by a kernel in interpret mode, its slope times a factor."""

    def kernel(x_ref: Any, o_ref: Any) -> None:
        o_ref[...] = x_ref[...] ** 2

    @jax.custom_vjp
    def squared(x: jax.Array) -> jax.Array:
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return pallas.pallas_call(kernel, out_shape=shape, interpret=True)(x)

    squared.defvjp(lambda x: (squared(x), x), lambda x, u: (2 * factor * x * u,))
    return squared


@jax.custom_jvp
def cube(x: jax.Array) -> jax.Array:
    """x³, with a slope that is off."""
    return x**3


cube.defjvp(lambda p, t: (cube(*p), 2 * p[0] ** 2 * t[0]))


def test_custom_rules_are_found_inside_jit_scan_and_cond_and_named() -> None:
    """A wrong one, though automatic gradients are wrong too, and no right one beside it."""

    def function(x: jax.Array) -> jax.Array:
        _, ys = jax.lax.scan(lambda c, v: (c, cube(c + v)), x[0], x)
        y = jax.lax.cond(x.sum() < 99, jax.jit(jax.nn.softplus), cube, x)
        return (ys + jax.nn.relu(y)).sum()

    audit = fnn.audit_custom_rules(function, POINT["x"])
    names = {path.split(":")[0] for path in wrong(audit)}
    assert names == {"cube step 0", "cube step 1", "cube step 2"}
    others = {row.path.split(":")[0] for row in audit.rows if row.verdict is Verdict.PASS}
    assert others >= {"logaddexp", "relu"}
    with pytest.raises(fnn.FnnError, match="calls no function with a custom"):
        fnn.audit_custom_rules(jnp.sum, POINT["x"])


def test_kernels_in_interpret_mode_are_audited() -> None:
    """Inside a gradient, a vjp and a custom rule."""
    x = POINT["x"]
    right, bad = square(1.0), square(1.1)
    assert fnn.audit_gradient(lambda x: right(x).sum(), lambda x: 2 * x, x).ok
    assert not fnn.audit_gradient(lambda x: bad(x).sum(), jax.grad(lambda x: bad(x).sum()), x).ok
    assert fnn.audit_products(right, x, vjp=lambda x, u: 2 * x * u).ok
    assert wrong(fnn.audit_custom_rules(bad, x)) == ["squared: d / d args[0]"]


def test_what_cannot_have_a_derivative_may_not_be_given_one() -> None:
    """Integer outputs alone; and integers beside a Hessian's leaves."""
    x = POINT["x"]
    assert fnn.audit_products(jnp.argsort, x, vjp=lambda x, u: 0 * x).ok
    assert wrong(fnn.audit_products(jnp.argsort, x, vjp=lambda x, u: x)) == ["d output"]
    cubes = lambda p: jnp.sum(p["x"] ** 3 * jnp.asarray(p["n"], p["x"].dtype))  # noqa: E731
    hvp = lambda p, v: {"x": 6 * p["x"] * p["n"] * v["x"], "n": None}  # noqa: E731
    with pytest.raises(fnn.FnnError, match="gives int64, which has no derivative; expected one"):
        fnn.audit_gradient(jnp.argmax, lambda x: x, x)
    audit = fnn.audit_hvp(cubes, hvp, {"x": x, "n": POINT["n"]})
    assert audit.ok and verdicts(audit)["d² / d x / d x"] is Verdict.PASS


def test_what_does_not_fit_is_said() -> None:
    """Never a traceback of JAX's."""
    with pytest.raises(fnn.FnnError, match="expected a claimed vjp"):
        fnn.audit_products(f, POINT)
    with pytest.raises(fnn.ShapeError, match="w is missing"):
        fnn.audit_products(f, POINT, vjp=lambda p, u: {"x": p["x"], "n": None})
    with pytest.raises(fnn.ShapeError, match="gives nothing for y"):
        fnn.audit_products(f, POINT, jvp=lambda p, v: {"rank": None})
    with pytest.raises(fnn.FnnError, match="raised ValueError: no"):
        fnn.audit_products(f, POINT, vjp=_raises)


def _raises(*_: object) -> object:
    raise ValueError("no")
