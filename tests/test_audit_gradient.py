"""`audit_gradient`: anybody's function, every verdict, and what may not pass."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.audit import Audit, Verdict, assert_gradient, audit_gradient

DRAW = np.random.default_rng(0)
X, Y = DRAW.normal(size=(10, 5)), DRAW.normal(size=(10, 3))
PARAMS = {"w": DRAW.normal(size=(5, 3)), "b": np.zeros(3)}


def loss(params: Any, x: Any, y: Any) -> Any:
    return np.mean((np.tanh(x @ params["w"] + params["b"]) - y) ** 2)


def gradient(params: Any, x: Any, y: Any) -> Any:
    h = np.tanh(x @ params["w"] + params["b"])
    d = 2 * (h - y) * (1 - h**2) / h.size
    return {"w": x.T @ d, "b": d.sum(0)}


def traced_loss(params: Any, x: Any, y: Any) -> Any:
    return jnp.mean((jnp.tanh(x @ params["w"] + params["b"][None]) - y) ** 2)


def verdicts(found: Audit) -> dict[str, str]:
    return {row.path: str(row.verdict) for row in found.rows}


def only(found: Audit) -> Any:
    (row,) = found.rows
    return row


@pytest.mark.parametrize("f", [loss, traced_loss], ids=["numpy", "jax"])
def test_a_right_gradient(f: Any) -> None:
    found = audit_gradient(f, gradient, PARAMS, X, Y)
    assert found.ok
    assert verdicts(found) == {"w": "PASS", "b": "PASS"}
    for row in found.rows:
        assert row.rms_gradient > 1e-3
        assert row.limit < 1e-6 * row.rms_gradient
        assert (row.difference is None) == (f is loss)
    assert "can't trace" in str(found.header) if f is loss else True


@pytest.mark.parametrize("f", [loss, traced_loss], ids=["numpy", "jax"])
@pytest.mark.parametrize("place", [("w", (2, 1)), ("b", (0,))])
def test_an_error_above_the_detection_limit_never_passes(f: Any, place: Any) -> None:
    """Twice what each row states, at one element, from any function."""
    leaf, index = place
    limits = {
        row.path: row.limit for row in audit_gradient(f, gradient, PARAMS, X, Y, checks=False).rows
    }

    def wrong(params: Any, x: Any, y: Any) -> Any:
        grads = gradient(params, x, y)
        grads[leaf][index] += 2 * limits[leaf]
        return grads

    found = audit_gradient(f, wrong, PARAMS, X, Y, checks=False)
    assert not found.ok
    assert {row.path for row in found.rows if row.verdict is Verdict.WRONG} == {leaf}


def test_the_worst_element_with_its_values() -> None:
    def wrong(params: Any, x: Any, y: Any) -> Any:
        grads = gradient(params, x, y)
        grads["w"][2, 1] *= -1
        return grads

    right = gradient(PARAMS, X, Y)["w"][2, 1]
    for f in (loss, traced_loss):
        row = next(row for row in audit_gradient(f, wrong, PARAMS, X, Y).rows if row.path == "w")
        assert row.worst.index == (2, 1)
        assert row.worst.claimed == -right
        assert abs(row.worst.numerical - right) <= 2 * row.worst.resolution
        assert "[2, 1]: its sign is turned" in row.note


MISTAKES = {
    "× 2": lambda g: {**g, "w": 2 * g["w"]},
    "sign": lambda g: {**g, "w": -g["w"]},
    "10, the length of axis 0 of args[1]": lambda g: {**g, "w": 10 * g["w"]},
    "identically zero": lambda g: {**g, "w": 0 * g["w"]},
    "one element": lambda g: {**g, "w": g["w"] * (np.arange(15).reshape(5, 3) != 7)},
    "relative error of 0.001": lambda g: {**g, "w": 1.001 * g["w"]},
    "relative error of 1e-06": lambda g: {**g, "w": (1 + 1e-6) * g["w"]},
    "the same for": lambda g: {**g, "w": np.broadcast_to(g["w"].mean(0), (5, 3))},
    "axis 0": lambda g: {**g, "w": np.roll(g["w"], 1, 0)},
}


@pytest.mark.parametrize("words", MISTAKES)
def test_the_mistake_in_words(words: str) -> None:
    found = audit_gradient(
        traced_loss, lambda *args: MISTAKES[words](gradient(*args)), PARAMS, X, Y, checks=False
    )
    assert verdicts(found) == {"w": "WRONG", "b": "PASS"}
    assert words in next(row.note for row in found.rows if row.path == "w")


def test_a_wrong_custom_vjp_is_no_excuse() -> None:
    """`jax.grad` gives what the claim gives; the differences have the last word."""

    @jax.custom_vjp
    def square(x: Any) -> Any:
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, dy: (dy * x * 2.001,))

    def f(x: Any) -> Any:
        return square(x).sum()

    found = audit_gradient(f, jax.grad(f), DRAW.normal(size=8))
    assert only(found).verdict is Verdict.WRONG
    assert "the automatic gradient is off too" in only(found).note
    assert only(found).automatic_is_off
    assert [check.ok for check in found.checks if "forward" in check.name] == [None]


def test_a_claim_that_is_better_than_the_automatic_gradient() -> None:
    def f(x: Any) -> Any:
        return (jax.lax.stop_gradient(x) * x).sum()

    found = audit_gradient(f, lambda x: 2 * x, DRAW.normal(size=8))
    assert only(found).verdict is Verdict.PASS
    assert "the automatic gradient is off" in only(found).note
    assert only(audit_gradient(f, jax.grad(f), DRAW.normal(size=8))).verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("at_zero", "verdict"), [(0.0, "KINK"), (0.5, "KINK"), (1.0, "KINK"), (5.0, "WRONG")]
)
@pytest.mark.parametrize("size", [4, 30])
def test_corners(at_zero: float, verdict: str, size: int) -> None:
    """Σ cᵢ max(xᵢ, 0) with some xᵢ = 0: any slope between the two sides is a valid one."""
    x = np.arange(size) - 2.0
    weight = 1 + DRAW.uniform(size=size)

    def claimed(x: Any) -> Any:
        return weight * np.where(x == 0, at_zero, x > 0)

    for f in (lambda x: np.maximum(x, 0) @ weight, lambda x: jax.nn.relu(x) @ weight):
        assert only(audit_gradient(f, claimed, x)).verdict == verdict
    wrong = audit_gradient(f, lambda x: 1.01 * claimed(x), x)
    assert only(wrong).verdict is Verdict.WRONG


def test_nothing_flows() -> None:
    found = audit_gradient(lambda x, y: jnp.sum(y**2), lambda x, y: 0 * x, X, Y)
    assert only(found).verdict is Verdict.DEAD
    assert found.ok


def test_terms_that_cancel_are_a_zero() -> None:
    """The gradient of Σ softmax is rounding noise; two kinds of noise differ by 100 %."""

    def noise(x: Any) -> Any:
        return jax.grad(lambda x: jax.nn.softmax(x).sum())(x) + 3e-17

    found = audit_gradient(lambda x: jax.nn.softmax(x).sum(), noise, X)
    assert only(found).verdict is Verdict.PASS
    assert "zero" in only(found).note


def test_not_finite() -> None:
    def wrong(params: Any, x: Any, y: Any) -> Any:
        grads = gradient(params, x, y)
        grads["w"][1, 2] = np.nan
        return grads

    found = audit_gradient(loss, wrong, PARAMS, X, Y)
    assert verdicts(found) == {"w": "NONFINITE", "b": "PASS"}
    assert not found.ok
    assert next(row for row in found.rows if row.path == "w").worst.index == (1, 2)


def test_not_deterministic() -> None:
    draw = np.random.default_rng(3)

    def wrong(params: Any, x: Any, y: Any) -> Any:
        return jax.tree.map(lambda g: g * (1 + 1e-9 * draw.normal()), gradient(params, x, y))

    found = audit_gradient(loss, wrong, PARAMS, X, Y)
    assert set(verdicts(found).values()) == {"NONDETERMINISTIC"}
    assert not found.ok


def test_what_float32_cannot_see_is_unresolved() -> None:
    """A slope of 1e-9 beside a value of 1: no difference in float32 shows it."""

    def f(x: Any) -> Any:
        return 1 + 1e-9 * jnp.sum(x)

    x = DRAW.normal(size=20)
    small = audit_gradient(f, lambda x: jnp.full_like(x, 1e-9), x.astype(np.float32))
    assert only(small).verdict is Verdict.UNRESOLVED
    assert not small.ok
    assert only(audit_gradient(f, lambda x: jnp.full_like(x, 1e-9), x)).verdict is Verdict.PASS


def test_float32_with_a_stated_limit_and_at_float64() -> None:
    params = jax.tree.map(lambda leaf: leaf.astype(np.float32), PARAMS)
    x, y = X.astype(np.float32), Y.astype(np.float32)
    narrow = audit_gradient(traced_loss, jax.grad(traced_loss), params, x, y)
    wide = audit_gradient(traced_loss, jax.grad(traced_loss), params, x, y, dtype="float64")
    assert narrow.ok
    assert wide.ok
    for row, finer in zip(narrow.rows, wide.rows, strict=True):
        assert 1e-7 < row.limit / row.rms_gradient < 1
        assert finer.limit < 1e-4 * row.limit
    wrong = audit_gradient(
        traced_loss, lambda *args: jax.tree.map(lambda g: 1.2 * g, gradient(*args)), params, x, y
    )
    assert set(verdicts(wrong).values()) == {"WRONG"}


def test_a_function_that_computes_in_float32_inside() -> None:
    """Its arguments are float64, its values have seven digits: the limit says so."""

    def f(x: Any) -> float:
        return float(np.sum(np.sin(x.astype(np.float32))))

    found = audit_gradient(f, np.cos, X)
    assert only(found).verdict is Verdict.PASS
    assert only(found).limit > 1e-5


def test_trees_scalars_and_other_arguments() -> None:
    def f(params: Any, power: int, name: str) -> Any:
        assert name == "cubes"
        return params["a"][0] ** power + 2 * params["a"][1] ** power

    def claimed(params: Any, power: int, name: str) -> Any:
        a, b = params["a"]
        return {"a": (power * a ** (power - 1), 2 * power * b ** (power - 1))}

    found = audit_gradient(f, claimed, {"a": (2.0, 3.0)}, 3, "cubes")
    assert verdicts(found) == {"a[0]": "PASS", "a[1]": "PASS"}
    assert only(audit_gradient(lambda x: x**2, lambda x: 2 * x, 1.5)).path == "args[0]"


def test_the_hessian_on_request() -> None:
    held = audit_gradient(traced_loss, gradient, PARAMS, X, Y, hessian=True).checks[-1]
    assert held.name.startswith("Hessian")
    assert held.ok

    def frozen(params: Any, x: Any, y: Any) -> Any:
        """Right at this point, and the same everywhere."""
        return gradient(PARAMS, x, y)

    assert audit_gradient(traced_loss, frozen, PARAMS, X, Y, hessian=True).checks[-1].ok is False


def test_jit_against_eager_can_fail() -> None:
    def claimed(x: Any) -> Any:
        return 2 * x * (1.001 if isinstance(x, jax.core.Tracer) else 1.0)

    found = audit_gradient(lambda x: (x**2).sum(), claimed, X)
    check = next(check for check in found.checks if "eager" in check.name)
    assert check.ok is False
    assert not found.ok


def test_assert_gradient_shows_the_table() -> None:
    assert_gradient(loss, gradient, PARAMS, X, Y)
    with pytest.raises(AssertionError) as failed:
        fnn.assert_gradient(
            loss, lambda *a: {**gradient(*a), "b": -gradient(*a)["b"]}, PARAMS, X, Y
        )
    told = str(failed.value)
    assert "WRONG" in told
    assert "verdict" in told
    assert "sign" in told


def test_torch_through_callables() -> None:
    torch = pytest.importorskip("torch")

    def f(w: Any, x: Any) -> Any:
        return torch.tanh(torch.from_numpy(x) @ w).square().mean()

    def claimed(w: Any, x: Any) -> Any:
        w = w.clone().requires_grad_()
        f(w, x).backward()
        return w.grad

    w = torch.from_numpy(PARAMS["w"])
    assert audit_gradient(f, claimed, w, X).ok
    assert not audit_gradient(f, lambda w, x: 2 * claimed(w, x), w, X).ok


def raising(*args: Any) -> Any:
    raise KeyError("w2")


BAD = [
    ({"f": lambda p: np.ones(3)}, "f: gives an array of shape (3,); expected one number"),
    ({"f": lambda p: "1.5"}, "expected one floating-point number"),
    ({"f": lambda p: None}, "expected one"),
    ({"f": lambda p: 3}, "expected one floating-point number"),
    ({"f": raising}, "f: raised KeyError: 'w2' (line "),
    ({"f": lambda p: float("nan")}, "f: is nan at the point given"),
    ({"f": lambda p: DRAW.normal()}, "for the same arguments; a function that draws random"),
    ({"gradient": raising}, "gradient: raised KeyError"),
    (
        {"gradient": lambda p: {"w": p["w"]}},
        "gradient: has another structure than the argument: b is missing",
    ),
    ({"gradient": lambda p: {**p, "c": p["b"]}}, "c is not in the argument"),
    (
        {"gradient": lambda p: {**p, "w": p["w"].T}},
        "gradient: w has shape (3, 5); expected (5, 3)",
    ),
    (
        {"gradient": lambda p: {**p, "b": p["b"].astype("f4")}},
        "b has dtype float32; expected float64",
    ),
    ({"gradient": lambda p: None}, "has another structure"),
    ({"params": {}}, "args[0]: holds no arrays"),
    ({"params": {"w": np.arange(3)}}, "args[0].w: has dtype int64; only floating-point numbers"),
    ({"params": {"w": np.array([1.0, np.inf])}}, "args[0].w: holds numbers that are not finite"),
    (
        {"params": {"w": np.zeros((0, 3)), "b": np.zeros(3)}},
        "gradient: w has shape (5, 3); expected (0, 3)",
    ),
    ({"params": {"w": "text"}}, "args[0].w: "),
    ({"directions": 1}, "directions: expected 2 or more, got 1"),
    ({"dtype": "float16"}, "dtype: unknown dtype 'float16'"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[case[1][:30] for case in BAD])
def test_bad_input(change: dict[str, Any], message: str) -> None:
    options = {
        "f": lambda p: np.sum(p["w"]),
        "gradient": lambda p: {"w": np.ones((5, 3)), "b": np.zeros(3)},
        "params": PARAMS,
        **change,
    }
    f, claimed, params = (options.pop(name) for name in ("f", "gradient", "params"))
    with pytest.raises(fnn.FnnError, match=re.escape(message)):
        audit_gradient(f, claimed, params, **options)


def test_no_arguments() -> None:
    with pytest.raises(fnn.FnnError, match="at least one argument"):
        audit_gradient(lambda: 1.0, lambda: 1.0)


def difference_quotients(x: Any) -> Any:
    """A claimed gradient that is itself made by differences: noise of 1e-3."""
    h = 1e-13 * np.maximum(1, abs(x))
    return (np.log1p(x + h) - np.log1p(x)) / h


def test_a_noisy_claim_is_not_excused_by_its_noise() -> None:
    x = DRAW.uniform(size=30)
    row = only(audit_gradient(lambda x: float(np.log1p(x).sum()), difference_quotients, x))
    true = 1 / (1 + x)
    error = float(np.abs(difference_quotients(x) - true).max())
    assert row.verdict is not Verdict.PASS or row.limit >= error


def test_a_corner_elsewhere_is_no_excuse() -> None:
    """relu(x) − relu(−x) is x; its automatic gradient at 0 is 0, and wrong."""

    def f(x: Any) -> Any:
        smooth = jax.nn.relu(x[:2]) - jax.nn.relu(-x[:2])
        return smooth.sum() + jnp.abs(x[2:]).sum()

    x = np.concatenate([np.zeros(3), DRAW.normal(size=5)])
    assert only(audit_gradient(f, jax.grad(f), x)).verdict is Verdict.WRONG


def test_detail_finer_than_the_steps_is_unresolved() -> None:
    def f(x: Any) -> Any:
        return jnp.sum(x + 1e-7 * jnp.sin(1e7 * x))

    x = DRAW.normal(size=20)
    assert only(audit_gradient(f, jax.grad(f), x)).verdict is Verdict.UNRESOLVED
    assert only(audit_gradient(f, jnp.ones_like, x)).verdict is not Verdict.PASS


def test_leaves_of_very_different_sizes() -> None:
    def f(p: Any) -> Any:
        return p["a"] * 1e-9 + jnp.sin(p["b"]).sum()

    params = {"a": np.array(1e9), "b": DRAW.uniform(size=7)}
    assert "WRONG" not in verdicts(audit_gradient(f, jax.grad(f), params)).values()


def test_one_round_leaf_keeps_the_precision_of_the_others() -> None:
    def f(p: Any) -> Any:
        return jnp.sum(p["b"]) + jnp.sin(p["w"]).sum()

    params = {"b": DRAW.normal(size=3), "w": DRAW.normal(size=20)}
    off = audit_gradient(f, lambda p: {"b": jnp.ones(3), "w": jnp.cos(p["w"]) * (1 + 1e-6)}, params)
    assert verdicts(off) == {"b": "PASS", "w": "WRONG"}


def test_two_directions_state_an_honest_limit() -> None:
    x = DRAW.normal(size=50)
    few, many = (
        only(audit_gradient(lambda x: float(np.sin(x).sum()), np.cos, x, directions=count)).limit
        for count in (2, 6)
    )
    assert few > 1e3 * many


def test_a_gradient_that_changes_its_arguments() -> None:
    def claimed(x: Any, d: Any) -> Any:
        d -= d.mean(0)
        return 2 * x

    with pytest.raises(fnn.FnnError, match="changes its arguments in place"):
        audit_gradient(lambda x, d: float((x**2).sum()), claimed, X.copy(), Y.copy())


def test_a_function_that_changes_its_arguments() -> None:
    """Data once and for all, or parameters: neither shows in two equal calls."""

    def centered(x: Any, d: Any) -> Any:
        d -= d.mean(0)
        return float((x**2).sum() + d.sum())

    def doubled(x: Any, d: Any) -> Any:
        x *= 2
        return float((x**2).sum())

    for f in (centered, doubled):
        with pytest.raises(fnn.FnnError, match=r"^f: changes its arguments in place"):
            audit_gradient(f, lambda x, d: 2 * x, X.copy(), Y.copy())


@pytest.mark.parametrize("scale", [1e-200, 1e200, 1e304])
@pytest.mark.parametrize("numbers", [np, jnp])
def test_a_function_of_any_scale(numbers: Any, scale: float) -> None:
    def f(x: Any) -> Any:
        return scale * numbers.sum(numbers.sin(x))

    x = np.linspace(0.1, 1, 12)
    assert audit_gradient(f, lambda x: scale * np.cos(x), x).ok
    row = only(audit_gradient(f, lambda x: 1.5 * scale * np.cos(x), x))
    assert row.verdict == "WRONG" and "× 1.5" in row.note


def test_a_gradient_below_the_normal_numbers() -> None:
    x = np.linspace(0.1, 1, 12)
    with pytest.raises(fnn.FnnError, match=r"gradient: is 9.95e-321 at the most, .* 2.23e-308"):
        audit_gradient(lambda x: float(1e-320 * np.sin(x).sum()), lambda x: 1e-320 * np.cos(x), x)
