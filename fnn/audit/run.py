"""An audit, from the problem to its result: of a network, and of any function."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import jaxlib.version
import numpy as np

from fnn.audit import consistency
from fnn.audit.compare import PRECISION
from fnn.audit.diagnose.functions import with_diagnosis
from fnn.audit.localize.localization import localize
from fnn.audit.localize.probes import run_probes
from fnn.audit.problem import from_function, from_network
from fnn.audit.problem.contract import check_contract
from fnn.audit.problem.from_network import NetworkPoint, as_float, in_dtype
from fnn.audit.problem.inputs import complete_inputs
from fnn.audit.problem.leaves import args_in_dtype
from fnn.audit.problem.problem import Array, Leaves, Problem
from fnn.audit.records import Check, Finding, HeaderValue, LeafRow, Verdict
from fnn.audit.result import Audit
from fnn.audit.settings import Settings
from fnn.audit.verdict.arbitration import BESIDE
from fnn.audit.verdict.evidence import Evidence, gather
from fnn.audit.verdict.verdicts import decide, excuse_saturation
from fnn.layer import Layer, PyTree
from fnn.objective import Objective
from fnn.spec import FnnError

BROKEN = {Verdict.WRONG, Verdict.NONFINITE, Verdict.NONDETERMINISTIC}


def audit_network(
    objective: Objective | Layer,
    batch: object,
    params: PyTree,
    state: PyTree,
    by_hand: Objective | None,
    *,
    train: bool,
    settings: Settings,
) -> Audit:
    """The audit of `fnn.audit`, whose options have been checked."""
    start = time.perf_counter()
    dtype = settings.dtype or "float64"
    with jax.enable_x64(True), jax.default_matmul_precision(PRECISION):
        objective, point = complete_inputs(objective, batch, params, state, settings.seed)
        claimed = objective if by_hand is None else by_hand
        check_contract(in_dtype(claimed, "float64"), _wide(point), train)
        problem = from_network.problem_of(objective, claimed, point, train=train, dtype=dtype)
        _check_finite(problem)
        counted, evaluations = _counted(problem)
        evidence = gather(problem)
        rows = _rows(counted, evidence, settings)
        findings: tuple[Finding, ...] = ()
        if dtype == "float64" and any(row.verdict in BROKEN for row in rows):
            findings = _findings(objective, claimed, problem, point, train)
            if not findings:
                rows = [excuse_saturation(row, evidence) for row in rows]
        checks = _checks(problem, evidence, settings)
        if settings.checks and dtype == "float64":
            exact = in_dtype(claimed, dtype)
            checks += (
                consistency.single_examples(evidence, exact, point, problem.point, train=train),
            )
        if settings.hessian:
            checks += (consistency.hessian(counted, settings.seed),)
    header = header_of(dtype, settings, evaluations[0], start) | {"claimed": "manual"}
    return Audit(header, tuple(rows), findings, checks)


def audit_function(
    f: Callable[..., object],
    gradient: Callable[..., object],
    args: tuple[object, ...],
    settings: Settings,
) -> Audit:
    """The audit of `fnn.audit_gradient`, whose options have been checked."""
    start = time.perf_counter()
    wide = settings.dtype == "float64" or any(map(_is_float64, jax.tree.leaves(args)))
    x64 = bool(wide or jax.config.jax_enable_x64)  # type: ignore[attr-defined]
    with jax.enable_x64(x64), jax.default_matmul_precision(PRECISION):
        if settings.dtype is not None:
            args = args_in_dtype(args, settings.dtype)
        problem = from_function.problem_of(f, gradient, args)
        counted, evaluations = _counted(problem)
        evidence = gather(problem)
        rows = _rows(counted, evidence, settings)
        rows = [with_diagnosis(row, problem, evidence, args) for row in rows]
        checks = _checks(problem, evidence, settings)
        if settings.hessian:
            checks += (consistency.hessian(counted, settings.seed),)
    used = next(iter(problem.point.values())).dtype
    header = header_of(str(used), settings, evaluations[0], start)
    if problem.automatic is None:
        header["automatic"] = "none: JAX can't trace the function"
    return Audit(header, tuple(rows), (), checks)


def _check_finite(problem: Problem) -> None:
    if not np.isfinite(problem.noise):
        raise FnnError(
            "its value is not finite at these parameters (a class number that is no class of "
            "the output gives NaN)",
            "objective",
        )


def _findings(
    objective: Objective, claimed: Objective, problem: Problem, point: NetworkPoint, train: bool
) -> tuple[Finding, ...]:
    probes = functools.partial(run_probes, in_dtype(claimed, "float64"), _wide(point), train=train)
    return localize(in_dtype(objective, "float64"), problem, probes)


def _rows(problem: Problem, evidence: dict[str, Evidence], settings: Settings) -> list[LeafRow]:
    @functools.cache
    def beside() -> dict[str, Evidence]:
        return gather(replace(problem, point=problem.beside(BESIDE, settings.seed)))

    with np.errstate(all="ignore"):
        return decide(problem, evidence, beside, settings.directions, settings.seed)


def _checks(
    problem: Problem, evidence: dict[str, Evidence], settings: Settings
) -> tuple[Check, ...]:
    """What is checked of every gradient beside its leaves, unless `checks` is off."""
    if not settings.checks:
        return ()
    return (
        consistency.same_twice(evidence),
        consistency.eager(problem, evidence),
        consistency.forward_mode(problem, evidence, settings.seed),
    )


def _counted(problem: Problem) -> tuple[Problem, list[int]]:
    """The problem with its function's evaluations counted."""
    count = [0]

    def values(point: Leaves, path: str, direction: Array, steps: Array) -> Array:
        count[0] += len(steps)
        return problem.values(point, path, direction, steps)

    return replace(problem, values=values), count


def header_of(
    dtype: str, settings: Settings, evaluations: int, start: float
) -> dict[str, HeaderValue]:
    """How the audit was made."""
    device = jax.devices()[0]
    return {
        "dtype": dtype,
        "matmul precision": PRECISION,
        "backend": f"{device.platform} ({device.device_kind})",
        "versions": f"jax {jax.__version__}, jaxlib {jaxlib.version.__version__}, "
        f"numpy {np.__version__}",
        "seed": settings.seed,
        "directions": settings.directions,
        "evaluations": evaluations,
        "seconds": time.perf_counter() - start,
    }


def _is_float64(leaf: object) -> bool:
    return str(getattr(leaf, "dtype", "")).endswith("float64") or type(leaf) is float


def _wide(point: NetworkPoint) -> NetworkPoint:
    return as_float(point, jnp.dtype("float64"))
