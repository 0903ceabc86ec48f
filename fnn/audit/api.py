"""The audits that people call: of a network, of any function, and as an assertion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict, Unpack

from fnn.audit.settings import Settings
from fnn.spec import FnnError

if TYPE_CHECKING:
    from fnn.audit.result import Audit
    from fnn.layer import Layer
    from fnn.objective import Objective

DTYPES = ("float64", "float32", "bfloat16")


class RuleOptions(TypedDict, total=False):
    """Options that every audit takes."""

    seed: int
    dtype: str
    directions: int


class ClaimOptions(RuleOptions, total=False):
    """Options of audits that check more than their leaves."""

    checks: bool


class AuditOptions(ClaimOptions, total=False):
    """Options of the audit of a gradient."""

    hessian: bool


def audit(
    objective: Objective | Layer,
    batch: object,
    *,
    params: object = None,
    state: object = None,
    seed: int = 0,
    dtype: str = "float64",
    train: bool = True,
    directions: int = 6,
    checks: bool = True,
    hessian: bool = False,
    by_hand: Objective | None = None,
) -> Audit:
    """Audit the hand-written gradient of a network against `jax.grad` and against differences.

    `objective` is an `Objective`, or a network alone, for which the scalar is a random linear
    function of its output. `batch` is a `Batch`, a pair (x, target), or x alone for a network.
    Parameters and state are drawn from `seed` unless given.

    In float64 the manual gradient must equal the automatic one to within 64 times what rounding
    does, and the automatic one must agree with extrapolated central differences along
    `directions` random directions of each leaf, parameters and input. float32 and bfloat16 are
    measured against the float64 gradient of the same numbers, and need 8 times the error that
    `jax.grad` makes in that precision to be called wrong. Where a leaf is wrong, each layer's own
    backward is compared with `jax.vjp` on the cotangent that reaches it, and the layer is named.

    `checks=False` leaves out what is asked beside the leaves (single examples, jit against eager,
    forward against reverse mode); `hessian=True` adds the Hessian-vector product. `by_hand` is
    another objective, whose manual gradient is then the claimed one.

    Raises `FnnError` for a dtype that is unknown and for a directions count below 2; what does not
    fit together raises as it does in training.
    """
    from fnn.audit.run import audit_network

    _check_options(dtype, directions, seed)
    return audit_network(
        objective,
        batch,
        params,
        state,
        by_hand,
        train=train,
        settings=Settings(dtype, seed, directions, checks, hessian),
    )


def audit_gradient(
    f: Callable[..., object],
    gradient: Callable[..., object],
    *args: object,
    directions: int = 6,
    seed: int = 0,
    dtype: str | None = None,
    checks: bool = True,
    hessian: bool = False,
) -> Audit:
    """Audit `gradient(*args)`, the claimed gradient of the scalar `f(*args)` by its first argument.

    That is a pytree of floating-point arrays: JAX's, NumPy's, PyTorch's tensors or Python's
    floats, which both functions then get. Where JAX can trace `f`, its values are computed in one
    compiled program and `jax.grad(f)` is compared too; a `custom_vjp` is no danger, because
    differences have the last word. Everything else is called one point at a time.

    `dtype="float64"` audits the functions at float64 copies of all floating-point arguments: in
    float32 differences can't see an error below about 1e-3.

    Raises `FnnError` for functions that raise, give no scalar or draw random numbers without a
    key, for first arguments that are empty or hold integers, and for a claimed gradient whose
    structure, shape or dtype is not the argument's, naming the path.
    """
    from fnn.audit.run import audit_function

    settings = _settings(dtype, seed, directions, checks)._replace(hessian=hessian)
    return audit_function(f, gradient, args, settings)


def audit_products(
    f: Callable[..., object],
    *args: object,
    vjp: Callable[..., object] | None = None,
    jvp: Callable[..., object] | None = None,
    directions: int = 6,
    seed: int = 0,
    dtype: str | None = None,
    checks: bool = True,
) -> Audit:
    """Audit claimed products with the Jacobian J of `f(*args)`, a pytree, by its first argument.

    `vjp(*args, u)` claims Jᵀu, like the first argument, for a cotangent u like the output;
    `jvp(*args, v)` claims Jv, like the output, for a tangent v like the first argument. Each is
    checked on random vectors of one output (one leaf) at a time against JAX's own and against
    differences of f; a pair also against each other, ⟨u, Jv⟩ = ⟨Jᵀu, v⟩. Rows are named
    `d y / d w`. Integer and boolean leaves are DEAD: they have no derivative, and vectors hold
    `float0` there, as in JAX.

        sort = lambda x: {"sin": jnp.sin(x), "rank": jnp.argsort(x)}
        fnn.audit_products(sort, x, vjp=lambda x, u: jnp.cos(x) * u["sin"])

    Raises `FnnError` where neither is given and as `audit_gradient` does. `torch.autograd`'s
    `gradcheck` compares whole Jacobians, so that its cost grows with their size; this one's does
    not.
    """
    from fnn.audit.claims import audit_pair

    if vjp is None and jvp is None:
        raise FnnError("expected a claimed vjp, a jvp, or both", "vjp")
    return audit_pair(f, vjp, jvp, args, _settings(dtype, seed, directions, checks))


def audit_hvp(
    f: Callable[..., object],
    hvp: Callable[..., object],
    *args: object,
    gradient: Callable[..., object] | None = None,
    directions: int = 6,
    seed: int = 0,
    dtype: str | None = None,
    checks: bool = True,
) -> Audit:
    """Audit `hvp(*args, v)`, the claimed product of f's Hessian H by the first argument with v.

    v and Hv are like the first argument. Hv is checked for a random v of one leaf at a time
    against forward and reverse mode and against differences of the gradient, `gradient(*args)` or
    else `jax.grad(f)`; and H for symmetry, ⟨u, Hv⟩ = ⟨v, Hu⟩. Rows are the blocks of H:
    `d² / d w / d b`. A wrong `gradient` has a wrong derivative: audit it first.

        fnn.audit_hvp(lambda x: jnp.sum(x**3), lambda x, v: 6 * x * v, x)

    Raises `FnnError` as `audit_gradient` does, and where JAX can't differentiate f and no gradient
    is given.
    """
    from fnn.audit.claims import audit_second_order

    settings = _settings(dtype, seed, directions, checks)
    return audit_second_order(f, hvp, gradient, args, settings)


def audit_steps(
    f: Callable[..., object],
    vjp: Callable[..., object],
    *args: object,
    directions: int = 6,
    seed: int = 0,
    dtype: str | None = None,
    checks: bool = True,
) -> Audit:
    """Audit the claimed `vjp(*args, u)` of a recurrent function step by step.

    Every output of `f(*args)` has time as its first axis, shape (T, …). For each step t the
    cotangent is random at t and zero elsewhere, which flows through steps t, t − 1, …, 0 only: the
    first t that is WRONG is where the backward pass goes wrong. Rows are named `d step[3] / d w`.

        run = lambda w, xs: jax.lax.scan(lambda h, x: (jnp.tanh(w * h + x),) * 2, 0.0, xs)[1]
        fnn.audit_steps(run, lambda w, xs, u: jax.vjp(run, w, xs)[1](u)[0], 0.5, xs)

    Raises `ShapeError` for outputs without a common first axis, and as `audit_gradient` does.
    """
    from fnn.audit.claims import audit_time_steps

    return audit_time_steps(f, vjp, args, _settings(dtype, seed, directions, checks))


def audit_custom_rules(
    f: Callable[..., object],
    *args: object,
    directions: int = 6,
    seed: int = 0,
    dtype: str | None = None,
) -> Audit:
    """Audit every `jax.custom_vjp` and `jax.custom_jvp` that `f(*args)` calls, each by itself.

    They are found in f's jaxpr, also inside `jit`, `scan`, `cond` and `while`, and audited at the
    values that they receive there (in loops at the first, middle and last step): the rule against
    the derivative of the function's own body and against differences of it. A rule that is meant
    to differ, such as a straight-through estimator, is WRONG: it is not the derivative. Rows are
    named `softclip step 3: d / d args[0]`; a vmapped call is a batched one.

    Raises `FnnError` where JAX can't trace f and where it calls no such function.
    """
    from fnn.audit.custom_rules import audit_rules

    return audit_rules(f, args, _settings(dtype, seed, directions, True))


def assert_gradient(
    f: Callable[..., object],
    gradient: Callable[..., object],
    *args: object,
    **options: Unpack[AuditOptions],
) -> None:
    """Raise `AssertionError`, with the audit's table, unless `audit_gradient` proves every leaf.

    One line in a test: `fnn.assert_gradient(loss, my_gradient, params, x, y)`.
    """
    __tracebackhide__ = True
    result = audit_gradient(f, gradient, *args, **options)
    if not result.ok:
        raise AssertionError(f"the gradient is not proved\n{result}")


def _settings(dtype: str | None, seed: int, directions: int, checks: bool) -> Settings:
    _check_options(dtype or "float64", directions, seed)
    if dtype == "bfloat16":
        raise FnnError("functions are audited in float64 or float32", "dtype")
    return Settings(dtype, seed, directions, checks, False)


def _check_options(dtype: str, directions: int, seed: int) -> None:
    if dtype not in DTYPES:
        raise FnnError(f"unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}", "dtype")
    for name, value, least in (("directions", directions, 2), ("seed", seed, 0)):
        if not isinstance(value, int) or value < least:
            raise FnnError(f"expected {least} or more, got {value!r}", name)
