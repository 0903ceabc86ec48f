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


class AuditOptions(TypedDict, total=False):
    """Options that every audit takes."""

    seed: int
    dtype: str
    directions: int
    checks: bool
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

    _check_options(dtype or "float64", directions, seed)
    if dtype == "bfloat16":
        raise FnnError("functions are audited in float64 or float32", "dtype")
    settings = Settings(dtype, seed, directions, checks, hessian)
    return audit_function(f, gradient, args, settings)


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


def _check_options(dtype: str, directions: int, seed: int) -> None:
    if dtype not in DTYPES:
        raise FnnError(f"unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}", "dtype")
    for name, value, least in (("directions", directions, 2), ("seed", seed, 0)):
        if not isinstance(value, int) or value < least:
            raise FnnError(f"expected {least} or more, got {value!r}", name)
