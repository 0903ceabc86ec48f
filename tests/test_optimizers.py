"""Optimizers: against the papers' formulas in NumPy, against PyTorch and against Optax itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn.ops.norm import norm
from fnn.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Lion,
    OptaxTransformation,
    Optimizer,
    RMSprop,
    as_optimizer,
)
from fnn.optimizers.transformations import clip_by_norm
from fnn.schedules import Linear, WarmupCosine
from fnn.spec import (
    SpecError,
    from_json,
    kinds,
    named_leaves,
    numbers,
    replace,
    to_json,
    with_numbers,
)

STEPS = 50
draw = np.random.default_rng(7)
X, Y = draw.normal(size=(12, 4)), draw.normal(size=(12, 2))
WEIGHT, BIAS = draw.normal(size=(4, 2)), draw.normal(size=2)
PARAMS = {"layers": ({"weight": WEIGHT, "bias": BIAS}, {})}
MASK = {"layers": ({"weight": True, "bias": False}, {})}
TRACED = []


def loss(params):
    weight, bias = params["layers"][0]["weight"], params["layers"][0]["bias"]
    x, y = X.astype(weight.dtype), Y.astype(weight.dtype)
    return jnp.mean((jnp.tanh(x @ weight + bias.astype(weight.dtype)[None]) - y) ** 2)


def descend(transformation, params):
    """The parameters after each of the steps."""

    def step(carry, _):
        params, state = carry
        updates, state = transformation.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    carry = (params, transformation.init(params))
    return jax.lax.scan(step, carry, length=STEPS)[1]["layers"][0]


@jax.jit
def run(optimizer, params):
    TRACED.append(optimizer)
    return descend(optimizer.transformation(), params)


# The references: what is subtracted from a leaf, given its gradient, memory and step 1, 2, …


def sgd(g, m, t, rate, momentum=0.0, nesterov=False):
    m["v"] = momentum * m.get("v", 0) + g
    return rate * (g + momentum * m["v"] if nesterov else m["v"])


def adam(g, m, t, rate, b1=0.9, b2=0.999, eps=1e-8):
    m["m"] = b1 * m.get("m", 0) + (1 - b1) * g
    m["v"] = b2 * m.get("v", 0) + (1 - b2) * g**2
    return rate * (m["m"] / (1 - b1**t)) / (np.sqrt(m["v"] / (1 - b2**t)) + eps)


def rmsprop(g, m, t, rate, decay, eps, momentum=0.0, centered=False):
    m["v"] = decay * m.get("v", 0) + (1 - decay) * g**2
    m["m"] = decay * m.get("m", 0) + (1 - decay) * g
    m["u"] = momentum * m.get("u", 0) + g / (np.sqrt(m["v"] - centered * m["m"] ** 2) + eps)
    return rate * m["u"]


def adagrad(g, m, t, rate, start, eps):
    m["s"] = m.get("s", start) + g**2
    return rate * g / np.sqrt(m["s"] + eps)


def lion(g, m, t, rate, b1, b2):
    old = m.get("m", 0)
    m["m"] = b2 * old + (1 - b2) * g
    return rate * np.sign(b1 * old + (1 - b1) * g)


def reference(rule, weight_decay=0.0):
    """Gradients by hand; the whole descent in NumPy."""
    leaves, memories = {"weight": WEIGHT, "bias": BIAS}, {"weight": {}, "bias": {}}
    decays = {"weight": rule.keywords["rate"] * weight_decay, "bias": 0.0}
    trajectory = []
    for t in range(1, STEPS + 1):
        y = np.tanh(X @ leaves["weight"] + leaves["bias"])
        error = 2 * (y - Y) / Y.size * (1 - y**2)
        grads = {"weight": X.T @ error, "bias": error.sum(0)}
        leaves = {
            name: leaf - rule(grads[name], memories[name], t) - decays[name] * leaf
            for name, leaf in leaves.items()
        }
        trajectory.append(leaves)
    return stack(trajectory)


def stack(trees):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


class Case(NamedTuple):
    optimizer: Optimizer
    rule: Callable[..., Any]
    optax: Callable[[Any], optax.GradientTransformation]
    torch: tuple[str, dict[str, Any]] | None = None


part = functools.partial
CASES = {
    "sgd": Case(SGD(0.2), part(sgd, rate=0.2), lambda o: optax.sgd(o.learning_rate), ("SGD", {})),
    "momentum": Case(
        SGD(0.1, 0.8),
        part(sgd, rate=0.1, momentum=0.8),
        lambda o: optax.sgd(o.learning_rate, o.momentum),
        ("SGD", {"momentum": 0.8}),
    ),
    "nesterov": Case(
        SGD(0.1, 0.8, nesterov=True),
        part(sgd, rate=0.1, momentum=0.8, nesterov=True),
        lambda o: optax.sgd(o.learning_rate, o.momentum, nesterov=True),
        ("SGD", {"momentum": 0.8, "nesterov": True}),
    ),
    "adam": Case(
        Adam(0.03, 0.85, 0.99, 1e-3),
        part(adam, rate=0.03, b1=0.85, b2=0.99, eps=1e-3),
        lambda o: optax.adam(o.learning_rate, o.b1, o.b2, o.eps),
        ("Adam", {"betas": (0.85, 0.99), "eps": 1e-3}),
    ),
    "adamw": Case(
        AdamW(0.03, weight_decay=0.3),
        part(adam, rate=0.03),
        lambda o: optax.adamw(
            o.learning_rate, o.b1, o.b2, o.eps, weight_decay=o.weight_decay, mask=MASK
        ),
        ("AdamW", {}),
    ),
    "rmsprop": Case(
        RMSprop(0.01, 0.8, 1e-3),
        part(rmsprop, rate=0.01, decay=0.8, eps=1e-3),
        lambda o: optax.rmsprop(o.learning_rate, o.decay, o.eps, eps_in_sqrt=False),
        ("RMSprop", {"alpha": 0.8, "eps": 1e-3}),
    ),
    "rmsprop, centered, momentum": Case(
        RMSprop(0.001, 0.8, 1e-3, 0.7, True),
        part(rmsprop, rate=0.001, decay=0.8, eps=1e-3, momentum=0.7, centered=True),
        lambda o: optax.chain(  # Optax's alias puts the learning rate into the velocity
            optax.scale_by_stddev(o.decay, o.eps, eps_in_sqrt=False),
            optax.trace(o.momentum),
            optax.scale_by_learning_rate(o.learning_rate),
        ),
        ("RMSprop", {"alpha": 0.8, "eps": 1e-3, "momentum": 0.7, "centered": True}),
    ),
    "adagrad": Case(
        AdaGrad(0.1, 0.2, 1e-3),
        part(adagrad, rate=0.1, start=0.2, eps=1e-3),
        lambda o: optax.adagrad(o.learning_rate, o.initial_accumulator, o.eps),
    ),
    "adagrad, no eps": Case(  # where PyTorch, Keras and Optax agree
        AdaGrad(0.1, 0.2, 0.0),
        part(adagrad, rate=0.1, start=0.2, eps=0.0),
        lambda o: optax.adagrad(o.learning_rate, o.initial_accumulator, o.eps),
        ("Adagrad", {"initial_accumulator_value": 0.2, "eps": 0.0}),
    ),
    "lion": Case(
        Lion(0.04, 0.8, 0.95, weight_decay=0.3),
        part(lion, rate=0.04, b1=0.8, b2=0.95),
        lambda o: optax.lion(o.learning_rate, o.b1, o.b2, weight_decay=o.weight_decay, mask=MASK),
    ),
}
each = pytest.mark.parametrize("name", CASES)
in_torch = pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.torch])


@functools.cache
def ours(name):
    return run(numbers(CASES[name].optimizer), PARAMS)


def assert_same_descent(one, other, tolerance=1e-12):
    chex.assert_trees_all_close(one, other, rtol=0, atol=tolerance)


def differ(one, other):
    return not np.array_equal(one["weight"], other["weight"])


def test_every_kind_is_tested():
    tested = {type(case.optimizer) for case in CASES.values()} | {OptaxTransformation}
    assert tested == {cls for cls in kinds().values() if issubclass(cls, Optimizer)}


@each
def test_against_the_papers(name):
    optimizer, rule = CASES[name].optimizer, CASES[name].rule
    assert_same_descent(ours(name), reference(rule, optimizer.weight_decay or 0.0))


@in_torch
def test_against_pytorch(name):
    torch = pytest.importorskip("torch")
    optimizer, (kind, arguments) = CASES[name].optimizer, CASES[name].torch
    leaves = {"weight": torch.tensor(WEIGHT), "bias": torch.tensor(BIAS)}
    decays = {"weight": optimizer.weight_decay or 0.0, "bias": 0.0}
    groups = [
        {"params": [leaf.requires_grad_()], "weight_decay": decays[name]}
        for name, leaf in leaves.items()
    ]
    descent = getattr(torch.optim, kind)(groups, lr=optimizer.learning_rate, **arguments)
    trajectory = []
    for _ in range(STEPS):
        descent.zero_grad()
        prediction = torch.tanh(torch.tensor(X) @ leaves["weight"] + leaves["bias"])
        ((prediction - torch.tensor(Y)) ** 2).mean().backward()
        descent.step()
        trajectory.append({name: leaf.detach().numpy().copy() for name, leaf in leaves.items()})
    assert_same_descent(ours(name), stack(trajectory))


@pytest.mark.parametrize("name", [name for name in CASES if "centered" not in name])
def test_same_program_as_optax(name):
    """What Optax's own alias traces to from the same numbers, operation by operation."""
    optimizer = numbers(CASES[name].optimizer)

    def program(make):
        state = jax.eval_shape(lambda o, params: make(o).init(params), optimizer, PARAMS)
        return str(
            jax.make_jaxpr(lambda o, *rest: make(o).update(*rest))(optimizer, PARAMS, state, PARAMS)
        )

    with jax.numpy_dtype_promotion("standard"):
        expected = program(CASES[name].optax)
    assert program(lambda optimizer: optimizer.transformation()) == expected


@each
def test_other_numbers_compile_nothing(name):
    """And every number counts."""
    optimizer, before = numbers(CASES[name].optimizer), ours(name)
    TRACED.clear()
    for path, value in named_leaves(optimizer).items():
        after = run(with_numbers(optimizer, {path: value * 0.7 + 0.001}), PARAMS)
        assert differ(before, after), path
    assert not TRACED


FULL = Adam(WarmupCosine(0.1, 5, 40), weight_decay=0.1, clip_value=0.2, clip_norm=0.3)


def test_numbers_of_a_schedule_compile_nothing():
    optimizer = numbers(FULL)
    before = run(optimizer, PARAMS)
    TRACED.clear()
    for name in ("peak_value", "warmup_steps", "clip_norm", "weight_decay"):
        after = run(with_numbers(optimizer, {name: np.asarray(0.07)}), PARAMS)
        assert differ(before, after), name
    assert not TRACED


@pytest.mark.parametrize(
    ("optimizer", "sweep"),
    [
        (CASES["adam"].optimizer, {"learning_rate": [0.01, 0.03, 0.1]}),
        (FULL, {"peak_value": [0.01, 0.1, 0.1], "clip_norm": [0.1, 0.1, 0.01]}),
    ],
)
def test_a_sweep_equals_lone_runs(optimizer, sweep):
    def member(values):
        return run(with_numbers(numbers(optimizer), values), PARAMS)

    sweep = {name: np.asarray(values) for name, values in sweep.items()}
    together = jax.jit(jax.vmap(member))(sweep)
    lone = [member(jax.tree.map(lambda values, i=i: values[i], sweep)) for i in range(3)]
    assert differ(lone[0], lone[1]) and differ(lone[1], lone[2])
    assert_same_descent(together, stack(lone))


def cast(params, dtype):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params)


@pytest.mark.parametrize(
    ("leaf", "param"), [("float64", "float32"), ("float32", "float64"), ("float32", "bfloat16")]
)
@pytest.mark.parametrize("name", [*CASES, "full", "clipped"])
def test_parameters_and_state_keep_their_dtype(name, leaf, param):
    """`scan` refuses a carry whose dtypes change; no numbers are computed here."""
    others = {"full": FULL, "clipped": SGD(0.1, clip_norm=0.1)}
    optimizer = numbers(others[name] if name in others else CASES[name].optimizer, leaf)
    params = cast(PARAMS, param)
    state = jax.eval_shape(lambda o, params: o.transformation().init(params), optimizer, params)
    program, after = jax.make_jaxpr(run, return_shape=True)(optimizer, params)
    kept = {str(leaf.dtype) for leaf in jax.tree.leaves((state, after))}
    assert kept - {"int32"} == {param}
    if param != "float64":
        assert "f64[4,2]" not in str(program), "computed in float64"


def test_parameters_of_two_dtypes():
    params = {"layers": ({"weight": WEIGHT, "bias": BIAS.astype(np.float32)}, {})}
    after = jax.eval_shape(run, numbers(FULL), params)
    assert {name: str(leaf.dtype) for name, leaf in after.items()} == {
        "weight": "float64",
        "bias": "float32",
    }


@pytest.mark.parametrize(
    ("param", "leaf", "tolerance"), [("float32", "float64", 1e-4), ("bfloat16", "float32", 0.1)]
)
def test_narrow_parameters_descend_alike(param, leaf, tolerance):
    """In bfloat16, too: b2 = 0.999 must not become 1, nor m̂ / √v̂ infinite."""
    optimizer = CASES["adamw"].optimizer
    narrow = run(numbers(optimizer, leaf), cast(PARAMS, param))
    assert_same_descent(cast(narrow, "float64"), ours("adamw"), tolerance)


@jax.jit
def once(optimizer, grads, params=None):
    transformation = optimizer.transformation()
    return transformation.update(grads, transformation.init(grads), params)[0]


def test_decay_touches_weights_only():
    params = {"weight": np.full((2, 3), 2.0), "bias": np.ones((5, 3)), "scale": np.ones(3)}
    params = {"layers": (params, {}), "weight": {"shift": np.ones((2, 2))}, "weights": np.ones(2)}
    zeros = jax.tree.map(np.zeros_like, params)
    decayed = once(SGD(0.5, weight_decay=0.1), zeros, params)
    expected = jax.tree.map(np.zeros_like, params)
    expected["layers"][0]["weight"] -= 0.5 * 0.1 * 2.0
    chex.assert_trees_all_close(decayed, expected, rtol=1e-14)


GRADS = {"weight": np.array([[3.0, -0.1]]), "bias": np.array([-4.0])}


@pytest.mark.parametrize(
    ("limits", "weight", "bias"),
    [
        ({}, [3.0, -0.1], -4.0),
        ({"clip_value": 2.0}, [2.0, -0.1], -2.0),
        ({"clip_value": 0.0}, [0.0, 0.0], 0.0),
        ({"clip_norm": 100.0}, [3.0, -0.1], -4.0),
        ({"clip_norm": 1.0}, np.array([3.0, -0.1]) / 25.01**0.5, -4 / 25.01**0.5),
        ({"clip_value": 0.1, "clip_norm": 0.03**0.5 / 2}, [0.05, -0.05], -0.05),
    ],
)
def test_clipping(limits, weight, bias):
    step = once(SGD(1.0, **limits), GRADS)
    np.testing.assert_allclose(step["weight"][0], -np.asarray(weight), rtol=1e-14)
    np.testing.assert_allclose(step["bias"], [-bias], rtol=1e-14)


def test_no_gradient_has_no_norm():
    zeros = jax.tree.map(np.zeros_like, GRADS)
    chex.assert_trees_all_equal(once(SGD(1.0, clip_norm=1.0), zeros), zeros)


def test_a_schedule_as_learning_rate():
    schedule = Linear(0.3, 0.1, 4)
    transformation = SGD(schedule).transformation()
    state, update = transformation.init(GRADS), jax.jit(transformation.update)
    for step, rate in enumerate([0.3, 0.25, 0.2, 0.15, 0.1, 0.1]):
        updates, state = update(GRADS, state)
        np.testing.assert_allclose(updates["bias"], [rate * 4], rtol=1e-14, err_msg=str(step))


def test_somebodys_own_transformation():
    own = optax.adam(0.03, 0.85, 0.99, 1e-3)
    optimizer = as_optimizer(own)
    assert optimizer == OptaxTransformation(own) and optimizer != OptaxTransformation(optax.adam(1))
    assert_same_descent(run(numbers(optimizer), PARAMS), ours("adam"))
    TRACED.clear()
    jax.eval_shape(run, OptaxTransformation(own), PARAMS)
    assert not TRACED
    jax.eval_shape(run, OptaxTransformation(optax.adam(0.03)), PARAMS)
    assert TRACED
    narrow = jax.eval_shape(run, optimizer, cast(PARAMS, "float32"))
    assert {str(leaf.dtype) for leaf in narrow.values()} == {"float32"}
    with pytest.raises(SpecError, match=r"wrapped.*JSON can't hold"):
        to_json(optimizer)


def test_extra_arguments_reach_somebodys_own_transformation():
    def update(grads, state, params=None, *, value, **_):
        return jax.tree.map(lambda grad: grad * value, grads), state

    own = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    transformation = OptaxTransformation(own).transformation()
    updates, _ = transformation.update(GRADS, transformation.init(GRADS), value=2.0)
    chex.assert_trees_all_close(updates, jax.tree.map(lambda grad: grad * 2, GRADS))


@pytest.mark.parametrize("optimizer", [*(case.optimizer for case in CASES.values()), FULL], ids=str)
def test_json(optimizer):
    again = from_json(to_json(optimizer))
    assert again == optimizer and jax.tree.structure(again) == jax.tree.structure(optimizer)


def test_as_optimizer():
    for name, expected in {"sgd": SGD(), "adam": Adam(), "adamw": AdamW(), "lion": Lion()}.items():
        assert as_optimizer(name) == expected
    assert as_optimizer(FULL) is FULL
    rates = {SGD: 0.01, Adam: 1e-3, AdamW: 1e-3, RMSprop: 1e-3, AdaGrad: 0.01, Lion: 1e-4}
    assert {made: made().learning_rate for made in rates} == rates
    assert AdamW().weight_decay == 0.01 and Adam().weight_decay is None


class Halfway(Optimizer):
    def transformation(self):
        return optax.identity()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: as_optimizer("adm"), "unknown name 'adm'; did you mean 'adam'.*rmsprop"),
        (lambda: as_optimizer("optax_transformation"), "unknown name .optax_transformation."),
        (lambda: as_optimizer(Adam), r"got the class: write Adam\(…\)"),
        (lambda: as_optimizer(0.1), "expected an optimizer, its name or an Optax.*got 0.1"),
        (lambda: as_optimizer(Linear(0.1, 0, 9)), "expected an optimizer.*got Linear"),
        (lambda: as_optimizer(Halfway()), "Optax transformation, got .*Halfway"),
        (lambda: SGD(-0.1), "learning_rate: expected at least 0"),
        (lambda: SGD("0.1"), "learning_rate: expected a number"),
        (lambda: SGD(Adam()), "learning_rate: expected float or Schedule"),
        (lambda: SGD(nesterov=True), "nesterov: expected a momentum"),
        (lambda: SGD(momentum=1.1), "momentum: expected at most 1"),
        (lambda: Adam(b2=1.0), "b2: expected less than 1"),
        (lambda: Adam(clip_norm=0), "clip_norm: expected at least"),
        (lambda: replace(Adam(), weight_decay=True), "weight_decay: expected a number"),
        (lambda: OptaxTransformation(Adam()), "wrapped: expected GradientTransformation"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_a_norm_whose_squares_overflow_or_underflow() -> None:
    for size in (1e20, 3e38, 1e-25):
        grads = {"a": jnp.full(1, size, jnp.float32), "b": jnp.full(1, -size, jnp.float32)}
        rule = numbers(SGD(1.0, clip_norm=1e-26 if size < 1 else 1.0), jnp.float32).transformation()
        updates, _ = rule.update(grads, rule.init(grads), grads)
        unit = min(size, 1e-26) if size < 1 else 1.0
        np.testing.assert_allclose(updates["a"], -unit / np.sqrt(2), rtol=1e-6)
        np.testing.assert_allclose(updates["b"], unit / np.sqrt(2), rtol=1e-6)
        np.testing.assert_allclose(norm(grads["a"]), size, rtol=1e-6)
    assert norm(jnp.zeros(3)) == 0


def test_clipping_has_the_bits_of_optax() -> None:
    peer = optax.clip_by_global_norm(1.0)
    mine = clip_by_norm(1.0)
    for scale in (1e-3, 0.3, 40.0):
        grads = {"w": jnp.float32(scale * draw.normal(size=(5, 3))), "b": jnp.float32([scale])}
        with jax.numpy_dtype_promotion("standard"):
            made, theirs = (rule.update(grads, rule.init(grads))[0] for rule in (mine, peer))
        chex.assert_trees_all_equal(made, theirs)


def test_a_centered_variance_is_that_of_optax_where_nothing_cancels() -> None:
    """By another recursion: Optax subtracts two averages, which cancel in float32."""
    case = CASES["rmsprop, centered, momentum"]
    theirs, mine = case.optax(case.optimizer), numbers(case.optimizer).transformation()
    grads = [{"w": jnp.asarray(draw.normal(size=(5, 3)))} for _ in range(4)]
    states = [rule.init(grads[0]) for rule in (mine, theirs)]
    with jax.numpy_dtype_promotion("standard"):
        for grad in grads:
            made, states[0] = mine.update(grad, states[0], grad)
            expected, states[1] = theirs.update(grad, states[1], grad)
            chex.assert_trees_all_close(made, expected, rtol=1e-12)


def test_a_centered_variance_stays_right_under_a_constant_gradient() -> None:
    decay, steps = 0.9, 300
    rule = numbers(RMSprop(1.0, decay=decay, centered=True), jnp.float32).transformation()
    grads = {"w": jnp.float32([0.1, -3.0])}

    def step(state, _):
        updates, state = rule.update(grads, state, grads)
        return state, updates["w"]

    _, made = jax.jit(lambda: jax.lax.scan(step, rule.init(grads), length=steps))()
    g = np.asarray(grads["w"], np.float64)
    kept = np.float64(np.float32(decay)) ** np.arange(1, steps + 1)[:, None]
    exact = -g / (np.sqrt(kept * (1 - kept)) * np.abs(g) + 1e-8)
    np.testing.assert_allclose(made[:120], exact[:120], rtol=1e-3)
    assert np.isfinite(made).all()
