"""The audits that people call: of a network, of any function, and as an assertion."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib.version
import numpy as np

from fnn.audit import consistency as also
from fnn.audit.compare import PRECISION
from fnn.audit.diagnose.functions import with_diagnosis
from fnn.audit.localize.localization import findings
from fnn.audit.localize.probes import look
from fnn.audit.problem import from_function, from_network
from fnn.audit.problem.contract import check_contract
from fnn.audit.problem.inputs import subject
from fnn.audit.problem.leaves import in_dtype
from fnn.audit.problem.problem import Problem
from fnn.audit.records import Check, Finding, LeafRow, Verdict
from fnn.audit.result import Audit
from fnn.audit.verdict.arbitration import BESIDE
from fnn.audit.verdict.evidence import Evidence, gather
from fnn.audit.verdict.verdicts import examine, excuse_saturation
from fnn.layer import Layer, Tree
from fnn.objective import Batch, Objective
from fnn.spec import FnnError

DTYPES = ("float64", "float32", "bfloat16")
BROKEN = {Verdict.WRONG, Verdict.NONFINITE, Verdict.NONDETERMINISTIC}


def audit(
    objective: Objective | Layer,
    batch: Batch | tuple[Any, Any] | Any,
    *,
    params: Tree = None,
    state: Tree = None,
    seed: int = 0,
    dtype: str = "float64",
    train: bool = True,
    directions: int = 6,
    checks: bool = True,
    hessian: bool = False,
    by_hand: Any = None,
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
    began = time.perf_counter()
    _check_options(dtype, directions, seed)
    with jax.enable_x64(True), jax.default_matmul_precision(PRECISION):
        objective, setting = subject(objective, batch, params, state, seed)
        claimed = objective if by_hand is None else by_hand
        check_contract(from_network.in_dtype(claimed, "float64"), _wide(setting), train)
        problem = from_network.problem_of(objective, claimed, setting, train=train, dtype=dtype)
        if not np.isfinite(problem.noise):
            raise FnnError(
                "its value is not finite at these parameters (a class number that is no class of "
                "the output gives NaN)",
                "objective",
            )
        counted, evaluations = _counted(problem)
        evidence = gather(problem)
        rows = _rows(counted, evidence, directions, seed)
        found: tuple[Finding, ...] = ()
        if dtype == "float64" and any(row.verdict in BROKEN for row in rows):
            look_at = functools.partial(
                look, from_network.in_dtype(claimed, dtype), _wide(setting), train=train
            )
            found = findings(from_network.in_dtype(objective, dtype), problem, look_at)
            if not found:
                rows = [excuse_saturation(row, evidence) for row in rows]
        asked: tuple[Check, ...] = ()
        if checks:
            asked = _checks(problem, evidence, seed)
            if dtype == "float64":
                exact = from_network.in_dtype(claimed, dtype)
                asked += (
                    also.single_examples(evidence, exact, setting, problem.point, train=train),
                )
        if hessian:
            asked += (also.hessian(counted, seed),)
    header = _header(dtype, seed, directions, evaluations[0], began)
    header["claimed"] = "manual"
    return Audit(header, tuple(rows), found, asked)


def audit_gradient(
    f: Callable[..., Any],
    gradient: Callable[..., Any],
    *args: Any,
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
    began = time.perf_counter()
    _check_options(dtype or "float64", directions, seed)
    if dtype == "bfloat16":
        raise FnnError("functions are audited in float64 or float32", "dtype")
    leaves = jax.tree.leaves(args)
    wide = dtype == "float64" or any(_is_float64(leaf) for leaf in leaves)
    x64 = bool(wide or jax.config.jax_enable_x64)  # type: ignore[attr-defined]
    with jax.enable_x64(x64), jax.default_matmul_precision(PRECISION):
        if dtype is not None:
            args = in_dtype(args, dtype)
        problem = from_function.problem_of(f, gradient, args)
        counted, evaluations = _counted(problem)
        evidence = gather(problem)
        rows = _rows(counted, evidence, directions, seed)
        rows = [with_diagnosis(row, problem, evidence, args) for row in rows]
        asked = _checks(problem, evidence, seed) if checks else ()
        if hessian:
            asked += (also.hessian(counted, seed),)
    used = next(iter(problem.point.values())).dtype
    header = _header(str(used), seed, directions, evaluations[0], began)
    if problem.automatic is None:
        header["automatic"] = "none: JAX can't trace the function"
    return Audit(header, tuple(rows), (), asked)


def assert_gradient(
    f: Callable[..., Any], gradient: Callable[..., Any], *args: Any, **options: Any
) -> None:
    """Raise `AssertionError`, with the audit's table, unless `audit_gradient` proves every leaf.

    One line in a test: `fnn.assert_gradient(loss, my_gradient, params, x, y)`.
    """
    __tracebackhide__ = True
    found = audit_gradient(f, gradient, *args, **options)
    if not found.ok:
        raise AssertionError(f"the gradient is not proved\n{found}")


def _rows(problem: Problem, evidence: dict[str, Evidence], count: int, seed: int) -> list[LeafRow]:
    @functools.cache
    def beside() -> dict[str, Evidence]:
        return gather(replace(problem, point=problem.beside(BESIDE, seed)))

    with np.errstate(all="ignore"):
        return examine(problem, evidence, beside, count, seed)


def _checks(problem: Problem, evidence: dict[str, Evidence], seed: int) -> tuple[Check, ...]:
    """What is asked of every gradient beside its leaves."""
    return (
        also.twice(evidence),
        also.eager(problem, evidence),
        also.forward_mode(problem, evidence, seed),
    )


def _counted(problem: Problem) -> tuple[Problem, list[int]]:
    """The problem with its function's evaluations counted."""
    count = [0]

    def values(point: Any, path: str, direction: Any, steps: Any) -> Any:
        count[0] += len(steps)
        return problem.values(point, path, direction, steps)

    return replace(problem, values=values), count


def _check_options(dtype: str, directions: int, seed: int) -> None:
    if dtype not in DTYPES:
        raise FnnError(f"unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}", "dtype")
    for name, value, least in (("directions", directions, 2), ("seed", seed, 0)):
        if not isinstance(value, int) or value < least:
            raise FnnError(f"expected {least} or more, got {value!r}", name)


def _header(
    dtype: str, seed: int, directions: int, evaluations: int, began: float
) -> dict[str, Any]:
    device = jax.devices()[0]
    return {
        "dtype": dtype,
        "matmul precision": PRECISION,
        "backend": f"{device.platform} ({device.device_kind})",
        "versions": f"jax {jax.__version__}, jaxlib {jaxlib.version.__version__}, "
        f"numpy {np.__version__}",
        "seed": seed,
        "directions": directions,
        "evaluations": evaluations,
        "seconds": time.perf_counter() - began,
    }


def _is_float64(leaf: Any) -> bool:
    return str(getattr(leaf, "dtype", "")).endswith("float64") or type(leaf) is float


def _wide(setting: from_network.NetworkPoint) -> from_network.NetworkPoint:
    return from_network.as_float(setting, jnp.dtype("float64"))
