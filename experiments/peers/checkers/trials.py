"""Every claim through every checker, one after another."""

from __future__ import annotations

import importlib.util
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax

from experiments.audit_power.trials.catalog import NETWORKS
from experiments.audit_power.trials.run import select_faults
from experiments.peers.checkers import fnn_audits, jax_peers
from experiments.peers.checkers.gradient_cases import (
    GradientCase,
    Programs,
    catalog_cases,
    programs,
    random_case,
)
from experiments.peers.checkers.outcomes import Answer, Outcome, shortened

HELD = 10
"""random networks in a block"""


class Checker(NamedTuple):
    """One way to check a gradient."""

    name: str
    dtype: str
    check: Callable[[GradientCase, Programs], Answer] | None
    """None where it is not installed"""
    compiles: bool = False
    """compiles the claimed gradient itself; the others are given it compiled"""


class Block(NamedTuple):
    """Claims that share compiled programs: a network with its faults, or some random networks."""

    network: str | None
    only: str | None
    seed: int
    random: range = range(0)
    float32: bool = False


@dataclass(frozen=True)
class Trial:
    """What one checker said of one claim."""

    checker: str
    claim: str
    fault: str
    """empty for a right gradient"""
    network: str
    path: str
    outcome: Outcome
    named: bool
    """the layer at fault is named, and no other"""
    corner: bool
    """the checker says that the function has a corner at the very point"""
    words: str
    seconds: float


def checkers(float32: bool) -> list[Checker]:
    """All of them; those in float32 too, or not."""
    torch: Any = None
    if importlib.util.find_spec("torch") is not None:
        from experiments.peers.checkers import torch_peers as torch
    able = [
        Checker("fnn.audit", "float64", fnn_audits.audit_float64, compiles=True),
        Checker("fnn.audit_gradient", "float64", fnn_audits.audit_of_functions),
        Checker("torch gradcheck", "float64", torch and torch.slow),
        Checker("torch gradcheck, fast_mode", "float64", torch and torch.fast),
        Checker("jax check_grads", "float64", jax_peers.check_grads),
        Checker("chex assert_numerical_grads", "float64", jax_peers.assert_numerical_grads),
        Checker("fnn.audit, float32", "float32", fnn_audits.audit_float32, compiles=True),
        Checker("jax check_grads, float32", "float32", jax_peers.check_grads),
        Checker("chex …numerical_grads, float32", "float32", jax_peers.assert_numerical_grads),
    ]
    return [checker for checker in able if float32 or checker.dtype == "float64"]


def blocks(only: str | None, right: int, seed: int, float32: bool) -> list[Block]:
    """The catalog's networks with their faults, then `right` random networks.

    Raises `FnnError` where no fault is called `only`.
    """
    select_faults(only)
    stop = seed + right
    groups = [range(first, min(first + HELD, stop)) for first in range(seed, stop, HELD)]
    return [
        *(Block(network.name, only, seed, float32=float32) for network in NETWORKS),
        *(Block(None, only, seed, group, float32) for group in groups),
    ]


def run(parts: Sequence[Block], workers: int) -> list[Trial]:
    """All trials, in so many processes. Prints who objects after each claim."""
    if workers == 1:
        return [trial for part in parts for trial in work(part)]
    context = multiprocessing.get_context("spawn")  # JAX has threads, which a fork would lose
    with ProcessPoolExecutor(workers, context) as pool:
        return [trial for trials in pool.map(work, parts) for trial in trials]


def work(block: Block) -> list[Trial]:
    """The trials of one block. Who goes first moves on from claim to claim."""
    contestants = [checker for checker in checkers(block.float32) if checker.check is not None]
    trials: list[Trial] = []
    with jax.enable_x64(True):
        for number, claim in enumerate(_cases(block)):
            first = number % len(contestants)
            answered = list(run_checkers(claim, contestants[first:] + contestants[:first]))
            print(_line(claim, answered), flush=True)
            trials += answered
    jax.clear_caches()
    return trials


def _line(claim: GradientCase, answered: Sequence[Trial]) -> str:
    seconds = sum(trial.seconds for trial in answered)
    objectors = sorted(trial.checker for trial in answered if trial.outcome == Outcome.OBJECTS)
    return f"{shortened(claim, 90)} ({seconds:.0f} s): {'; '.join(objectors) or 'none'}"


def _cases(block: Block) -> list[GradientCase]:
    if block.network is None:
        return list(map(random_case, block.random))
    (network,) = (network for network in NETWORKS if network.name == block.network)
    return catalog_cases(network, select_faults(block.only), block.seed)


def run_checkers(claim: GradientCase, contestants: Iterable[Checker]) -> Iterator[Trial]:
    """A trial for each checker.

    Its seconds hold what it has to compile: those that are given the claim as functions share the
    compiled programs, and the time that compiling took counts for each of them.
    """
    shared: dict[str, Programs] = {}
    for name, dtype, check, compiles in contestants:
        assert check is not None
        if dtype not in shared:
            shared[dtype] = programs(claim, dtype)
        start_time = time.perf_counter()
        try:
            answer = check(claim, shared[dtype])
        except Exception as error:  # whatever else it may be, it is no verdict
            answer = Answer(Outcome.ERROR, shortened(f"{type(error).__name__}: {error}"))
        seconds = time.perf_counter() - start_time + (0 if compiles else shared[dtype].compiling)
        yield Trial(
            checker=name,
            claim=str(claim),
            fault="" if claim.fault is None else claim.fault.name,
            network=claim.name,
            path=claim.path or "objective",
            outcome=answer.outcome,
            named=claim.fault is not None and answer.layers == (claim.path or "objective",),
            corner=answer.corner,
            words=answer.words,
            seconds=seconds,
        )
