"""`fnn.audit` of the network, and `fnn.audit_gradient` of no more than the others are given."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from experiments.peers.checkers.answers import Answer, Outcome, layers_of, shortened
from experiments.peers.checkers.claims import Array, Claim, Programs
from experiments.peers.checkers.jax_peers import differentiable
from fnn.audit import Audit, Verdict, audit, audit_gradient

SAID_WRONG = {Verdict.WRONG, Verdict.NONFINITE, Verdict.NONDETERMINISTIC}


def audit_float64(claim: Claim, programs: Programs) -> Answer:
    """`fnn.audit` of the network and the loss, with its defaults."""
    return _network_audit(claim, "float64")


def audit_float32(claim: Claim, programs: Programs) -> Answer:
    """`fnn.audit(…, dtype="float32")`, which needs float64 to be there."""
    return _network_audit(claim, "float32")


def audit_of_functions(claim: Claim, programs: Programs) -> Answer:
    """`fnn.audit_gradient` of the same function as JAX's other checkers get, with its defaults.

    `jax.grad` of that function is the claimed gradient itself: only differences can tell.
    """
    function = differentiable(programs)

    def value(leaves: Sequence[Array]) -> jax.Array:
        return function(*leaves)

    found = audit_gradient(value, jax.grad(value), programs.leaves)
    wrong = [row.path for row in found.rows if row.verdict in SAID_WRONG]
    first = programs.paths[int(wrong[0].strip("[]"))] if wrong else "input"
    return _answer(found, layers_of(first))


def _network_audit(claim: Claim, dtype: str) -> Answer:
    found = audit(
        claim.objective,
        claim.batch,
        params=claim.params,
        state=claim.state,
        seed=claim.seed,
        dtype=dtype,
        train=claim.train,
        by_hand=claim.by_hand,
    )
    return _answer(found, tuple(dict.fromkeys(finding.path for finding in found.findings)))


def _answer(found: Audit, layers: tuple[str, ...]) -> Answer:
    wrong = [f"{row.path} {row.verdict}" for row in found.rows if row.verdict in SAID_WRONG]
    wrong += [f"{finding.path} {finding.leaf}: {finding.words}" for finding in found.findings]
    wrong += [check.name for check in found.checks if check.ok is False]
    outcome = Outcome.PASSES if found.ok else Outcome.OBJECTS if wrong else Outcome.UNDECIDED
    open_rows = [f"{row.path} {row.verdict}" for row in found.rows if row.verdict != Verdict.PASS]
    words = "; ".join(wrong or open_rows)
    return Answer(outcome, shortened(words), layers, any(row.corners for row in found.rows))
