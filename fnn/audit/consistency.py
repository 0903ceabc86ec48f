"""What else must hold: the same twice, jit and eager, single examples, forward mode."""

from __future__ import annotations

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from fnn.audit.differences.directional import SAFETY
from fnn.audit.differences.finite_differences import noise_of, sample_points, slope_of
from fnn.audit.problem import from_network
from fnn.audit.problem.problem import Leaves, Problem
from fnn.audit.records import Check
from fnn.audit.verdict.evidence import Evidence
from fnn.gradients import manual
from fnn.host import fetch
from fnn.layer import PyTree
from fnn.objective import Batch, Objective

EvidenceByPath = dict[str, Evidence]


def same_twice(evidence: EvidenceByPath) -> Check:
    """The same call gives the same gradient."""
    name = "the same call twice"
    worst = max(
        float(np.abs(leaf.claimed - leaf.again).max(initial=0)) for leaf in evidence.values()
    )
    if worst == 0:
        return Check(name, True, "bit for bit the same")
    held = all(
        (np.abs(leaf.claimed - leaf.again) <= leaf.noise_floor).all() for leaf in evidence.values()
    )
    return Check(name, held, f"differs by {worst:.2g}, {'' if held else 'not '}within rounding")


def eager(problem: Problem, evidence: EvidenceByPath) -> Check:
    """Compiled and operation by operation, the gradient is the same but for rounding."""
    name = "jit against eager"
    if problem.other_way is None:
        return Check(name, None, "JAX can't trace the gradient")
    return _compare_leaves(name, evidence, problem.other_way(problem.point))


def single_examples(
    evidence: EvidenceByPath,
    objective: Objective,
    setting: from_network.NetworkPoint,
    point: Leaves,
    train: bool,
) -> Check:
    """Weighted gradients of single examples sum to the batch's, where rows are independent."""
    name = "single examples sum to the batch"
    for mode in (True, False) if train else (False,):
        try:
            together, apart, batch, summed = _single_examples(objective, setting, point, train=mode)
        except Exception as error:
            if mode == train:
                raise
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            return Check(name, None, f"the backward pass raises in evaluation ({message})")
        scale = np.abs(together).max(initial=0)
        if np.allclose(together, apart, rtol=1e-9, atol=1e-9 * scale):
            check = _compare_leaves(name, evidence, fetch(summed), fetch(batch))
            words = "" if mode == train else " (asked in evaluation, where rows are independent)"
            return replace(check, words=check.words + words)
    return Check(name, None, "rows depend on each other")


def forward_mode(problem: Problem, evidence: EvidenceByPath, seed: int) -> Check:
    """The derivative along a direction by `jax.jvp` is the reference's slope."""
    name = "forward against reverse mode"
    if problem.forward is None or any(leaf.automatic is None for leaf in evidence.values()):
        return Check(name, None, "JAX can't trace the function")
    if any(leaf.undefined.any() for leaf in evidence.values()):
        return Check(name, None, "the automatic gradient is not finite")
    move = _direction(problem, seed)
    try:
        slope = problem.forward(problem.point, move)
    except TypeError:
        return Check(name, None, "the function has a custom_vjp and no forward mode")
    expected = sum(float(np.vdot(leaf.reference, move[path])) for path, leaf in evidence.items())
    allowed = sum(
        leaf.detection_limit * float(np.linalg.norm(move[path])) for path, leaf in evidence.items()
    ) + 1e3 * problem.value_epsilon * abs(expected)
    return _compare_slopes(name, abs(slope - expected), allowed, abs(expected))


def hessian(problem: Problem, seed: int) -> Check:
    """wᵀHv by forward over reverse mode against differences of the claimed gradient along v."""
    name = "Hessian-vector product"
    if problem.curvature is None:
        return Check(name, None, "JAX can't trace the function")
    along, across = _direction(problem, seed + 1), _direction(problem, seed + 2)
    try:
        product = problem.curvature(problem.point, along)
    except TypeError:
        return Check(name, None, "the function has a custom_vjp and no forward mode")
    expected = sum(float(np.vdot(product[path], across[path])) for path in product)

    def claimed(step: float) -> float:
        there = {
            path: (leaf + step * along[path]).astype(leaf.dtype)
            for path, leaf in problem.point.items()
        }
        grads = problem.claimed(there)
        return sum(float(np.vdot(grads[path], across[path])) for path in grads)

    values = np.array([claimed(float(step)) for step in sample_points(problem.epsilon)])
    slope = slope_of(values, noise_of(values, problem.epsilon), problem.epsilon)
    if slope.corner:
        return Check(name, None, "the gradient jumps at this very point")
    return _compare_slopes(name, slope.distance(expected), SAFETY * slope.resolution, abs(expected))


def _direction(problem: Problem, seed: int) -> Leaves:
    draw = np.random.default_rng(seed)
    return {
        path: (problem.sizes[path] * draw.normal(size=leaf.shape)).astype(leaf.dtype)
        for path, leaf in problem.point.items()
    }


def _compare_leaves(
    name: str, evidence: EvidenceByPath, other: Leaves, expected: Leaves | None = None
) -> Check:
    """Against the claimed gradient, leaf by leaf, in units of what counts as an error."""
    worst, location = 0.0, ""
    for path, leaf in evidence.items():
        claimed = leaf.claimed if expected is None else expected[path]
        error = float(np.abs(other[path] - claimed).max(initial=0))
        if not error <= worst * leaf.detection_limit:
            worst, location = (
                (error / leaf.detection_limit if leaf.detection_limit else float("inf")),
                path,
            )
    if worst <= 1:
        return Check(name, True, f"the same within rounding ({worst:.2g} of the limit)")
    return Check(name, False, f"{location} differs by {worst:.2g} times the detection limit")


def _compare_slopes(name: str, error: float, allowed: float, size: float) -> Check:
    relative = error / size if size else error
    if error <= allowed:
        return Check(name, True, f"agrees, relative difference {relative:.1e}")
    return Check(
        name,
        False,
        f"differs by {error:.1e}, where {allowed:.1e} may be",
    )


@functools.partial(jax.jit, static_argnames="train")
def _single_examples(
    objective: Objective, setting: from_network.NetworkPoint, point: Leaves, *, train: bool
) -> tuple[jax.Array, jax.Array, Leaves, Leaves]:
    """The batch's output, the single examples', the batch's gradient, the sum of theirs."""
    params, batch = from_network.with_leaves(setting, point)

    def once(batch: Batch) -> tuple[jax.Array, PyTree, PyTree]:
        (_, aux), grads, dx = manual.backpropagate(
            objective, params, setting.state, batch, train=train, key=setting.key
        )
        return aux.output, grads, dx

    together, *whole = once(batch)
    alone = jax.tree.map(lambda leaf: leaf[:, None], batch)
    outputs, grads, dx = jax.vmap(once)(alone)
    penalties = [penalty.gradient(params) for penalty in objective.penalties]
    penalty = jax.tree.map(lambda leaf: jnp.zeros_like(leaf), params)
    for own in penalties:
        penalty = jax.tree.map(jnp.add, penalty, own)
    share = _normalized_weights(batch, together.shape[0])

    def weigh(leaf: jax.Array, penalty: jax.Array) -> jax.Array:
        return jnp.tensordot(share, leaf - penalty[None], 1) + penalty

    summed = jax.tree.map(weigh, grads, penalty)
    inputs = jax.tree.map(lambda leaf: leaf[:, 0] * share.reshape(-1, *(1,) * (leaf.ndim - 2)), dx)
    return (
        together,
        outputs[:, 0],
        from_network.float_leaves(*whole),
        from_network.float_leaves(summed, inputs),
    )


def _normalized_weights(batch: Batch, rows: int) -> jax.Array:
    """Each example's share of the loss."""
    if batch.weight is None:
        return jnp.full(rows, 1 / rows)
    weight = batch.weight.reshape(rows, -1).sum(1)
    total = weight.sum()
    return jnp.where(total == 0, 0, weight / jnp.where(total == 0, 1, total))
