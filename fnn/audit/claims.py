"""Claims about functions of several outputs: vjp, jvp, Hessian-vector products, time steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import cache

import jax
import numpy as np

from fnn.audit.compare import PRECISION
from fnn.audit.diagnose.functions import with_diagnosis
from fnn.audit.problem.from_function import call
from fnn.audit.problem.leaves import ALONE, args_in_dtype, to_numpy
from fnn.audit.problem.problem import Leaves, Problem, rms
from fnn.audit.problem.vectors import OUTPUT, Vectors, is_float
from fnn.audit.records import Check, LeafRow, Verdict
from fnn.audit.result import Audit
from fnn.audit.run import header_of
from fnn.audit.settings import Settings
from fnn.audit.verdict.arbitration import BESIDE
from fnn.audit.verdict.evidence import Evidence, gather
from fnn.audit.verdict.verdicts import decide
from fnn.layer import PyTree
from fnn.spec import FnnError, ShapeError, named_leaves

Args = tuple[PyTree, ...]
Function = Callable[..., PyTree]
CLOSE = 1e-6
"""how far apart, relative to their terms, two products of a claimed pair may be in float64"""


def audit_pair(
    f: Function, vjp: Function | None, jvp: Function | None, args: Args, settings: Settings
) -> Audit:
    """The audit of `fnn.audit_products`, whose options have been checked."""
    start = time.perf_counter()
    with precision(args, settings):
        args = in_dtype(args, settings)
        rows: list[LeafRow] = []
        checks: tuple[Check, ...] = ()
        if vjp is not None:
            vectors = Vectors(f, vjp, args)
            rows += output_rows(vectors, settings)
        if jvp is not None:
            vectors = Vectors(f, vjp or _no_vjp, args)
            rows += _tangent_rows(vectors, jvp, settings)
            if vjp is not None:
                checks = (_adjoint(vectors, jvp, settings.seed),)
        return finished(vectors, rows, checks, settings, start)


def audit_second_order(
    f: Function, hvp: Function, gradient: Function | None, args: Args, settings: Settings
) -> Audit:
    """The audit of `fnn.audit_hvp`, whose options have been checked."""
    start = time.perf_counter()
    with precision(args, settings):
        args = in_dtype(args, settings)
        if gradient is None:
            gradient = _gradient_of(f, args)
        vectors = Vectors(gradient, hvp, args, "hvp")
        names = {path: f"d² / d {path.replace(OUTPUT, ALONE)}" for path in vectors.outputs}
        rows = output_rows(vectors, settings, names=names)
        return finished(vectors, rows, (_symmetry(vectors, settings.seed),), settings, start)


def audit_time_steps(f: Function, vjp: Function, args: Args, settings: Settings) -> Audit:
    """The audit of `fnn.audit_steps`, whose options have been checked."""
    start = time.perf_counter()
    with precision(args, settings):
        vectors = Vectors(f, vjp, in_dtype(args, settings))
        lengths = {leaf.shape[:1] for leaf in vectors.outputs.values()}
        if len(lengths) != 1 or () in lengths:
            shapes = ", ".join(str(leaf.shape) for leaf in vectors.outputs.values())
            raise ShapeError(f"gives {shapes}; expected time as first axis of every output", "f")
        ((length,),) = lengths
        whole = cotangent_of(vectors, settings.seed)
        rows: list[LeafRow] = []
        first = None
        for step in range(length):
            mask = np.arange(length) == step
            u = {path: _masked(leaf, mask) for path, leaf in whole.items()}
            here = claim_rows(vectors, u, f"d step[{step}]", settings)
            if first is None and any(row.verdict is Verdict.WRONG for row in here):
                first = step
            rows += here
        words = "no step is wrong" if first is None else f"first wrong at step {first} of {length}"
        return finished(
            vectors, rows, (Check("time steps", first is None, words),), settings, start
        )


def output_rows(
    vectors: Vectors, settings: Settings, names: dict[str, str] | None = None
) -> list[LeafRow]:
    """A row for every output and every leaf; those without a derivative say so."""
    whole = cotangent_of(vectors, settings.seed)
    rows: list[LeafRow] = []
    for path, leaf in vectors.outputs.items():
        name = f"d {path}" if names is None else names[path]
        if path not in whole:
            rows.append(without_derivative(name, leaf, 0.0 if whole else vectors.largest_claim()))
            continue
        if not vectors.leaves:
            continue
        u = {other: x if other == path else np.zeros_like(x) for other, x in whole.items()}
        rows += claim_rows(vectors, u, name, settings)
    spurious = vectors.spurious(whole) if whole and vectors.fixed else {}
    return rows + [
        without_derivative(f"d {path}", vectors.fixed[path], size)
        for path, size in spurious.items()
    ]


def claim_rows(vectors: Vectors, cotangent: Leaves, name: str, settings: Settings) -> list[LeafRow]:
    """A row for every leaf, of the claimed Jᵀu for one cotangent."""
    problem = vectors.problem(cotangent)
    rows = [
        with_diagnosis(row, problem, evidence, vectors.args)
        for row, evidence in _decided(problem, settings)
    ]
    return [replace(row, path=f"{name} / d {row.path}") for row in rows]


def _decided(problem: Problem, settings: Settings) -> list[tuple[LeafRow, dict[str, Evidence]]]:
    evidence = gather(problem)

    @cache
    def beside() -> dict[str, Evidence]:
        return gather(replace(problem, point=problem.beside(BESIDE, settings.seed)))

    with np.errstate(all="ignore"):
        rows = decide(problem, evidence, beside, settings.directions, settings.seed)
    return [(row, evidence) for row in rows]


def without_derivative(path: str, leaf: np.ndarray, claimed: float) -> LeafRow:
    """The row of integers or booleans: nothing flows there, and nothing else may be claimed."""
    integers = leaf.dtype == jax.dtypes.float0  # how JAX writes the gradient by integers
    words = f"{'an integer' if integers else leaf.dtype} has no derivative"
    verdict = Verdict.WRONG if claimed else Verdict.DEAD
    note = (
        f"{words}; {claimed:.3g} is claimed, expected None, zeros or float0" if claimed else words
    )
    nan = float("nan")
    size = 0.0 if integers else rms(leaf.astype(np.float64))
    return LeafRow(path, leaf.shape, size, claimed, None, nan, nan, 0.0, 0.0, 0, verdict, note)


def cotangent_of(vectors: Vectors, seed: int) -> Leaves:
    """A normal cotangent for every output that can have a derivative."""
    return _normal({p: x for p, x in vectors.outputs.items() if is_float(x)}, seed + 7)


def finished(
    vectors: Vectors,
    rows: list[LeafRow],
    checks: tuple[Check, ...],
    settings: Settings,
    start: float,
) -> Audit:
    """The audit, with the header that every audit has."""
    arrays = [*vectors.leaves.values(), *vectors.outputs.values()]
    header = header_of(str(arrays[0].dtype), settings, 0, start)
    del header["evaluations"]
    if all(row.difference is None for row in rows):
        header["automatic"] = "none: JAX can't differentiate the function"
    return Audit(header, tuple(rows), (), checks if settings.checks else ())


def precision(args: Args, settings: Settings) -> AbstractContextManager[object]:
    """float64 where an argument or the settings ask for it, and exact matrix products."""
    wide = settings.dtype == "float64" or any(
        to_numpy(leaf).dtype == np.float64 for leaf in jax.tree.leaves(args)
    )
    x64 = bool(wide or jax.config.jax_enable_x64)  # type: ignore[attr-defined]
    stack = ExitStack()
    stack.enter_context(jax.enable_x64(x64))
    stack.enter_context(jax.default_matmul_precision(PRECISION))
    return stack


def in_dtype(args: Args, settings: Settings) -> Args:
    """The arguments in the dtype that the settings ask for."""
    return args if settings.dtype is None else args_in_dtype(args, settings.dtype)


def _tangent_rows(vectors: Vectors, jvp: Function, settings: Settings) -> list[LeafRow]:
    """The claimed Jv for a tangent of each leaf, as the derivative of f(x + (t − 1) v) at t = 1.

    So a jvp is audited as a gradient by one number for each leaf.
    """
    draws = _normal(vectors.leaves, settings.seed + 11)
    tangents = {path: _scaled(v, vectors.leaves[path]) for path, v in draws.items()}

    def there(t: Leaves) -> Leaves:
        return {
            path: leaf + (t[path] - 1).astype(leaf.dtype) * tangents[path]
            for path, leaf in vectors.leaves.items()
        }

    def along(t: Leaves, *args: PyTree) -> PyTree:
        tree = _structured(vectors, there(t))
        return vectors.f(tree, *args)

    def claimed(t: Leaves, *rest: PyTree) -> Leaves:
        u = rest[-1]
        point = there(t)
        products = {path: _pushed(vectors, jvp, point, {path: tangents[path]}) for path in t}
        return {
            path: np.asarray(_inner(product, vectors, u), t[path].dtype)
            for path, product in products.items()
        }

    ones = {path: np.ones((), leaf.dtype) for path, leaf in vectors.leaves.items()}
    if not ones:
        return []
    line = Vectors(along, claimed, (ones, *vectors.args[1:]), "jvp")
    rows = output_rows(line, settings)
    return [replace(row, path=f"jvp: {row.path}") for row in rows]


def _structured(vectors: Vectors, point: Leaves) -> PyTree:
    """The first argument with these leaves, which may be tracers."""
    original, structure = jax.tree.flatten(vectors.args[0])
    paths = [path or ALONE for path in named_leaves(vectors.args[0])]
    leaves = [point.get(path, leaf) for path, leaf in zip(paths, original, strict=True)]
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return jax.tree.unflatten(structure, leaves)
    return vectors.rebuild(point)


def _pushed(vectors: Vectors, jvp: Function, point: Leaves, tangent: Leaves) -> Leaves:
    """The claimed Jv of every output, for a tangent that is zero elsewhere."""
    zeros = {path: np.zeros_like(leaf) for path, leaf in vectors.leaves.items()}
    v = vectors.rebuild({**zeros, **tangent})
    if vectors.fixed:
        paths = [path or ALONE for path in named_leaves(v)]
        leaves, structure = jax.tree.flatten(v)
        float0 = jax.dtypes.float0
        leaves = [
            np.zeros(np.shape(leaf), float0) if path in vectors.fixed else leaf
            for path, leaf in zip(paths, leaves, strict=True)
        ]
        v = jax.tree.unflatten(structure, leaves)
    result = call(jvp, "jvp", vectors.rebuild(point), *vectors.args[1:], v)
    named = {path or OUTPUT: to_numpy(leaf) for path, leaf in named_leaves(result).items()}
    for path, leaf in vectors.outputs.items():
        if is_float(leaf) and (path not in named or named[path].shape != leaf.shape):
            got = f"shape {named[path].shape}" if path in named else "nothing"
            raise ShapeError(f"gives {got} for {path}; expected shape {leaf.shape}", "jvp")
    return named


def _inner(product: Leaves, vectors: Vectors, u: PyTree) -> float:
    named = {path or OUTPUT: to_numpy(leaf) for path, leaf in named_leaves(u).items()}
    floats = [path for path, leaf in vectors.outputs.items() if is_float(leaf)]
    return sum(float(np.vdot(named[path], product[path])) for path in floats)


def _adjoint(vectors: Vectors, jvp: Function, seed: int) -> Check:
    """⟨u, Jv⟩ = ⟨Jᵀu, v⟩ of the claimed pair."""
    u, v = cotangent_of(vectors, seed), _normal(vectors.leaves, seed + 13)
    pushed = _pushed(vectors, jvp, vectors.leaves, v)
    pulled = vectors.claimed(vectors.leaves, u)
    left = [float(np.vdot(u[path], pushed[path])) for path in u]
    right = [float(np.vdot(pulled[path], v[path])) for path in v]
    size = sum(float(np.linalg.norm(u[p]) * np.linalg.norm(pushed[p])) for p in u)
    size += sum(float(np.linalg.norm(pulled[p]) * np.linalg.norm(v[p])) for p in v)
    return _equal("⟨u, Jv⟩ = ⟨Jᵀu, v⟩", sum(left), sum(right), size, vectors)


def _symmetry(vectors: Vectors, seed: int) -> Check:
    """⟨u, Hv⟩ = ⟨v, Hu⟩ of the claimed Hessian."""
    u, v = cotangent_of(vectors, seed), cotangent_of(vectors, seed + 17)
    hu = list(vectors.claimed(vectors.leaves, u).values())
    hv = list(vectors.claimed(vectors.leaves, v).values())
    us, vs = list(u.values()), list(v.values())
    left = sum(float(np.vdot(a, b)) for a, b in zip(us, hv, strict=True))
    right = sum(float(np.vdot(a, b)) for a, b in zip(vs, hu, strict=True))
    pairs = zip([*us, *vs], [*hv, *hu], strict=True)
    size = sum(float(np.linalg.norm(a) * np.linalg.norm(b)) for a, b in pairs)
    return _equal("the Hessian is symmetric", left, right, size, vectors)


def _equal(name: str, left: float, right: float, size: float, vectors: Vectors) -> Check:
    narrow = any(leaf.dtype != np.float64 for leaf in vectors.leaves.values())
    held = abs(left - right) <= (1e-3 if narrow else CLOSE) * size
    return Check(name, held, f"{left:.6g} and {right:.6g}")


def _gradient_of(f: Function, args: Args) -> Function:
    gradient = jax.grad(f, allow_int=True)
    try:
        jax.eval_shape(gradient, *args)
    except Exception as error:
        raise FnnError(
            f"JAX can't differentiate f ({type(error).__name__}); give its gradient as gradient=",
            "f",
        ) from error
    return gradient


def _no_vjp(*_: PyTree) -> PyTree:
    raise NotImplementedError


def _normal(leaves: Leaves, seed: int) -> Leaves:
    draw = np.random.default_rng(seed)
    return {
        path: np.asarray(draw.normal(size=leaf.shape), leaf.dtype) for path, leaf in leaves.items()
    }


def _scaled(v: np.ndarray, leaf: np.ndarray) -> np.ndarray:
    return np.asarray((rms(leaf) or 1.0) * v, leaf.dtype)


def _masked(leaf: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.asarray(leaf * mask.reshape(-1, *(1,) * (leaf.ndim - 1)), leaf.dtype)
