"""Many networks audited: those of the covering design, and random ones that are right."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.audit_power.coverage.covering_array import Row, all_pairs
from experiments.audit_power.coverage.design import FACTORS, design
from experiments.audit_power.coverage.random_network import DrawnNetwork, random_network
from experiments.audit_power.coverage.table import (
    Comparison,
    CoverageTable,
    RandomAudit,
    RandomTable,
)
from fnn.audit import Audit, Leaf, Verdict, agreement, audit
from fnn.layer import PyTree
from fnn.spec import to_json

Progress = Callable[[int, int, Comparison | RandomAudit], None]
"""called after each network: how many are done, of how many, and what was found"""
CRITERION = 1e-12
"""the largest |manual − automatic| in float64, where a leaf's scale, its floor / eps, is 1"""
OBJECTED = {Verdict.WRONG, Verdict.NONFINITE, Verdict.NONDETERMINISTIC}
HELD = 25
"""networks whose compiled programs are held at once"""


def cover_pairs(
    seed: int = 0, dtype: str = "float64", progress: Progress | None = None
) -> CoverageTable:
    """Manual against automatic in every network of the design, for each parameter and the input.

    In float64 |manual − automatic| ≤ 1e-12 · floor / eps must hold for every leaf; in any dtype,
    what the audit itself asks. The first networks that hold every level of every factor between
    them are audited in full as well, against differences.
    """
    networks = design(seed)
    full = first_of_every_level([row for row, _ in networks])
    floors = CRITERION / float(jnp.finfo("float64").eps) if dtype == "float64" else None
    lines = []
    for number, (row, drawn) in enumerate(networks):
        lines.append(compare_network(row, drawn, seed + number, dtype, floors, number in full))
        _after(number + 1, len(networks), lines[-1], progress)
    return CoverageTable(tuple(lines), dtype, seed, len(all_pairs(FACTORS)), floors)


def compare_network(
    row: Row, drawn: DrawnNetwork, seed: int, dtype: str, floors: float | None, full: bool
) -> Comparison:
    """One network of the design at random parameters, audited in full or not.

    `floors` is how many noise floors the two gradients may be apart.
    """
    start_time = time.perf_counter()
    params, state = general_position(drawn, seed)
    given: dict[str, Any] = {
        "params": params,
        "state": state,
        "train": drawn.train,
        "dtype": dtype,
        "seed": seed,
    }
    leaves = agreement(drawn.objective, drawn.batch, **given)
    apart = {leaf.path: floors_apart(leaf) for leaf in leaves}
    path = max(apart, key=apart.__getitem__)
    ok = all(leaf.ok for leaf in leaves) and (floors is None or apart[path] <= floors)
    note = ""
    if full:
        result = audit(drawn.objective, drawn.batch, **given)
        wrong = objections(result)
        note = ", ".join([*(f"{n} {name}" for name, n in verdict_counts(result).items()), *wrong])
        ok = ok and not wrong
    seconds = time.perf_counter() - start_time
    return Comparison(drawn.words, row, len(leaves), apart[path], path, note, ok, seconds)


def floors_apart(leaf: Leaf) -> float:
    """The difference in units of the floor; infinite where it is none, or there is no floor."""
    if leaf.difference == 0:
        return 0.0
    apart = leaf.difference / leaf.floor if leaf.floor else math.inf
    return math.inf if math.isnan(apart) else apart


def general_position(drawn: DrawnNetwork, seed: int) -> tuple[PyTree, PyTree]:
    """Parameters and state of random numbers.

    At first scales are 1 and shifts 0, which hides whatever is multiplied by or added to them.
    """
    draw = np.random.default_rng(seed)
    objective, in_shape = drawn.objective, drawn.in_shape
    params, state = jax.eval_shape(lambda: objective.init(jax.random.key(0), in_shape))
    return (
        jax.tree.map(lambda leaf: draw.normal(0, 0.7, leaf.shape), params),
        jax.tree.map(lambda leaf: draw.uniform(0.5, 1.5, leaf.shape), state),
    )


def first_of_every_level(rows: Sequence[Row]) -> set[int]:
    """The rows, by number, that hold a level of some factor for the first time."""
    seen: set[tuple[str, str]] = set()
    result = set()
    for number, row in enumerate(rows):
        if not seen.issuperset(row.items()):
            result.add(number)
        seen.update(row.items())
    return result


def audit_random_networks(
    count: int,
    dtype: str = "float64",
    seed: int = 0,
    start: int = 0,
    checks: bool = False,
    progress: Progress | None = None,
) -> RandomTable:
    """Full audits of random networks number `start` to `start + count − 1`: no leaf may be WRONG.

    Network n is `random_network(seed + n)`, its parameters come from the same seed; so one run can
    be cut in parts, and each network that was objected to can be made again. `checks=True` asks
    what an audit asks beside the leaves, which takes twice as long. What an audit raises is counted
    as well, and does not stop the others.
    """
    lines = []
    for number in range(start, start + count):
        lines.append(audit_network(seed + number, dtype, checks))
        _after(len(lines), count, lines[-1], progress)
    return RandomTable(tuple(lines), dtype)


def audit_network(seed: int, dtype: str, checks: bool) -> RandomAudit:
    """The full audit of one random network."""
    start_time = time.perf_counter()
    drawn, wrong, verdicts, error = random_network(seed), [], {}, ""
    try:
        options: dict[str, Any] = {
            "train": drawn.train,
            "dtype": dtype,
            "seed": seed,
            "checks": checks,
        }
        result = audit(drawn.objective, drawn.batch, **options)
        wrong, verdicts = objections(result), verdict_counts(result)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return RandomAudit(
        seed,
        drawn.words,
        verdicts,
        tuple(wrong),
        error,
        to_json(drawn.objective) if wrong or error else "",
        time.perf_counter() - start_time,
    )


def objections(result: Audit) -> list[str]:
    """The leaves, layers and checks that an audit calls wrong."""
    leaves = [f"{row.path} {row.verdict}" for row in result.rows if row.verdict in OBJECTED]
    layers = [f"at fault {finding.path} {finding.leaf}" for finding in result.findings]
    return leaves + layers + [check.name for check in result.checks if check.ok is False]


def verdict_counts(result: Audit) -> dict[str, int]:
    """How many leaves got each verdict."""
    return dict(Counter(str(row.verdict) for row in result.rows))


def _after(
    done: int, count: int, line: Comparison | RandomAudit, progress: Progress | None
) -> None:
    if done % HELD == 0:
        jax.clear_caches()
    if progress is not None:
        progress(done, count, line)
