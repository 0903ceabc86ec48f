"""The whole catalog, planted fault by fault and audited."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jax

from experiments.audit_power.mutations import CATALOG
from experiments.audit_power.mutations.fault import Fault
from experiments.audit_power.trials.catalog import NETWORKS
from experiments.audit_power.trials.network import TrialNetwork
from experiments.audit_power.trials.table import Control, FaultTable, Trial
from fnn.audit import Audit, Finding, audit
from fnn.spec import FnnError, choice

Progress = Callable[[int, int, Control | Trial], None]
SITES = 2
"""places in which each fault is planted, where there are so many"""
WORKERS = min(os.cpu_count() or 1, 4)
"""audits at a time: they spend most of theirs in the compiler, which needs no lock"""


def run_trials(
    seed: int = 0,
    only: str | None = None,
    progress: Progress | None = None,
    *,
    sites: int = SITES,
) -> FaultTable:
    """Audit every right network, and every fault of the catalog in up to `sites` places.

    `seed` draws the places, dropout's masks and the audits' directions. `only` is a subject
    (`dense`, `losses`, …) or words of a fault's name. `progress(done, total, line)` is called after
    each audit. Raises `FnnError` where no fault is called so.
    """
    start_time = time.perf_counter()
    faults = select_faults(only)
    planted = [(fault, *place) for fault in faults for place in sample_sites(fault, seed, sites)]
    used = {network.name for _, network, _ in planted}
    networks = [network for network in NETWORKS if network.name in used]
    right: list[Control] = []
    trials: list[Trial] = []

    def told(line: Control | Trial) -> None:
        if progress is not None:
            progress(len(right) + len(trials), len(networks) + len(planted), line)

    with ThreadPoolExecutor(WORKERS) as pool:
        for network in networks:  # its trials share what the right one has compiled
            right.append(_control(network, seed))
            told(right[-1])
            here = [(fault, path) for fault, other, path in planted if other is network]
            for trial in pool.map(lambda of, at=network: _trial(of[0], of[1], at, seed), here):
                trials.append(trial)
                told(trial)
            jax.clear_caches()  # the system allows a process only so many compiled programs
    order = {fault.name: number for number, fault in enumerate(faults)}
    trials.sort(key=lambda trial: order[trial.fault])
    return FaultTable(tuple(trials), tuple(right), seed, time.perf_counter() - start_time)


def select_faults(only: str | None) -> tuple[Fault, ...]:
    """The faults of a subject, or those with these words in their name; None for all."""
    if only is None:
        return CATALOG
    words = only.replace("_", " ")
    result = tuple(f for f in CATALOG if f.subject == only or words in f.name)
    if not result:
        subjects = {fault.subject for fault in CATALOG}
        raise FnnError(f"no fault is called {only!r}{choice(only, subjects)}")
    return result


def sample_sites(fault: Fault, seed: int, count: int) -> list[tuple[TrialNetwork, str]]:
    """Some of the places where a fault can be planted, in as many networks as possible."""
    every = [
        (network, path)
        for network in NETWORKS
        for path in fault.sites(network.objective, network.batch())
    ]
    random.Random(f"{seed} {fault.name}").shuffle(every)
    first = {network.name: (network, path) for network, path in reversed(every)}
    others = [place for place in every if place not in first.values()]
    return [*first.values(), *others][:count]


def _control(network: TrialNetwork, seed: int) -> Control:
    start_time = time.perf_counter()
    params, state = network.point()
    result = audit(
        network.objective, network.batch(), params=params, state=state, seed=seed, checks=False
    )
    verdicts = [f"{row.path} {row.verdict}: {row.note}" for row in result.rows]
    words = "" if result.ok else "; ".join(verdicts)
    return Control(network.name, result.ok, words, time.perf_counter() - start_time)


def _trial(fault: Fault, path: str, network: TrialNetwork, seed: int) -> Trial:
    start_time = time.perf_counter()
    params, state = network.point()
    result = audit(
        network.objective,
        network.batch(),
        params=params,
        state=state,
        seed=seed,
        by_hand=fault.inject(network.objective, path),
        checks=False,
    )
    own = own_findings(fault, path, result)
    diagnosed = [finding.words for finding in own if fault.is_diagnosed(finding.diagnosis)]
    words = [*diagnosed, *(finding.words for finding in own), "; ".join(other_findings(result))]
    return Trial(
        fault=fault.name,
        subject=fault.subject,
        network=network.name,
        path=path or "objective",
        caught=not result.ok,
        named=bool(own),
        diagnosed=bool(diagnosed),
        words=words[0],
        seconds=time.perf_counter() - start_time,
    )


def own_findings(fault: Fault, path: str, result: Audit) -> list[Finding]:
    """The findings that name the fault's own layer and leaf."""
    return [finding for finding in result.findings if fault.names(path, finding.path, finding.leaf)]


def other_findings(result: Audit) -> list[str]:
    """What is said instead, with the place that is named."""
    findings = [f"{finding.path} {finding.leaf}: {finding.words}" for finding in result.findings]
    return findings or [f"{row.path}: {row.verdict}" for row in result.rows]
