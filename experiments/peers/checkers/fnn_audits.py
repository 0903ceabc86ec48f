"""`fnn.audit` of the network, and `fnn.audit_gradient` of no more than the others are given."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from experiments.peers.checkers.gradient_cases import Array, GradientCase, Programs
from experiments.peers.checkers.jax_peers import differentiable
from experiments.peers.checkers.outcomes import Answer, Outcome, layers_of, shortened
from fnn.audit import Audit, Verdict, audit, audit_gradient

REJECTED = {Verdict.WRONG, Verdict.NONFINITE, Verdict.NONDETERMINISTIC}


def audit_float64(claim: GradientCase, programs: Programs) -> Answer:
    """`fnn.audit` of the network and the loss, with its defaults."""
    return _network_audit(claim, "float64")


def audit_float32(claim: GradientCase, programs: Programs) -> Answer:
    """`fnn.audit(…, dtype="float32")`, which needs float64 to be there."""
    return _network_audit(claim, "float32")


def audit_of_functions(claim: GradientCase, programs: Programs) -> Answer:
    """`fnn.audit_gradient` of the same function as JAX's other checkers get, with its defaults.

    `jax.grad` of that function is the claimed gradient itself: only differences can tell.
    """
    function = differentiable(programs)

    def value(leaves: Sequence[Array]) -> jax.Array:
        return function(*leaves)

    result = audit_gradient(value, jax.grad(value), programs.leaves)
    wrong = [row.path for row in result.rows if row.verdict in REJECTED]
    first = programs.paths[int(wrong[0].strip("[]"))] if wrong else "input"
    return _answer(result, layers_of(first))


def _network_audit(claim: GradientCase, dtype: str) -> Answer:
    result = audit(
        claim.objective,
        claim.batch,
        params=claim.params,
        state=claim.state,
        seed=claim.seed,
        dtype=dtype,
        train=claim.train,
        by_hand=claim.by_hand,
    )
    return _answer(result, tuple(dict.fromkeys(finding.path for finding in result.findings)))


def _answer(result: Audit, layers: tuple[str, ...]) -> Answer:
    wrong = [f"{row.path} {row.verdict}" for row in result.rows if row.verdict in REJECTED]
    wrong += [f"{finding.path} {finding.leaf}: {finding.words}" for finding in result.findings]
    wrong += [check.name for check in result.checks if check.ok is False]
    outcome = Outcome.PASSES if result.ok else Outcome.OBJECTS if wrong else Outcome.UNDECIDED
    open_rows = [f"{row.path} {row.verdict}" for row in result.rows if row.verdict != Verdict.PASS]
    words = "; ".join(wrong or open_rows)
    return Answer(outcome, shortened(words), layers, any(row.corners for row in result.rows))
