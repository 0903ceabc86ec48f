"""What a gradient costs: time a step, to lower and to compile, FLOPs, peak temporary memory."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from experiments.two_gradients.programs import Program, gradient

CONTESTANTS = {"automatic": "automatic", "manual": "manual", "again": "automatic"}
"""the automatic gradient runs twice: how far the two are apart is what timing can't tell"""

TIMED = {"step": "time a step", "lower": "lowering", "compile": "compiling"}
REPORTED = {"flops": "FLOPs", "memory": "temporary memory"}
MEASURES = TIMED | REPORTED
"""the last two are the compiled program's own analyses, not measured"""

TURN = 8e-3
"""seconds that a turn of calls takes at least"""


@dataclass(frozen=True)
class Cost:
    """What one program costs with either gradient."""

    program: Program
    seconds: Mapping[str, Mapping[str, np.ndarray]]
    """by measure and contestant, in the order in which they were taken"""
    told: Mapping[str, Mapping[str, float | None]]
    """by measure and contestant; None where the compiled program doesn't tell"""

    def value(self, measure: str, contestant: str = "automatic") -> float | None:
        """The median in seconds, or FLOPs, or bytes."""
        if measure in TIMED:
            return float(np.median(self.seconds[measure][contestant]))
        return self.told[measure][contestant]

    def ratio(self, measure: str, contestant: str = "manual") -> np.ndarray | None:
        """Lower quartile, median and upper quartile of contestant / automatic, turn by turn.

        None where the compiled program doesn't tell, or tells 0.
        """
        if measure in TIMED:
            seconds = self.seconds[measure]
            return np.quantile(seconds[contestant] / seconds["automatic"], [0.25, 0.5, 0.75])
        own, automatic = self.value(measure, contestant), self.value(measure)
        return None if own is None or not automatic else np.full(3, own / automatic)

    def to_json(self) -> dict[str, Any]:
        """What JSON holds of it."""
        program = self.program
        return {
            "program": program.name,
            "width": program.width,
            "depth": program.depth,
            "batch": program.batch,
            "kind": program.kind,
            "repeated": program.repeated,
            "seconds": self.seconds,
            "told": self.told,
            "ratio_quartiles": {
                measure: {name: self.ratio(measure, name) for name in ("manual", "again")}
                for measure in MEASURES
            },
        }


def cost(program: Program, *, rounds: int, compilations: int) -> Cost:
    """Compile `compilations` times, lower twice as often, then take `rounds` turns of calls.

    The persistent cache of compiled programs has to be off.
    """
    arguments = program.arguments()
    lowered: dict[str, list[Any]] = {name: [] for name in CONTESTANTS}
    compiled: dict[str, Any] = {}

    def lower(name: str) -> None:
        lowered[name].append(jax.jit(gradient(CONTESTANTS[name])).lower(*arguments))

    def compile(name: str) -> None:
        compiled[name] = lowered[name].pop().compile()  # JAX keeps what it has compiled

    def run(name: str, calls: int = 1) -> None:
        for _ in range(calls):
            jax.block_until_ready(compiled[name](*arguments))

    seconds = {"lower": interleaved(lower, 2 * compilations)}
    seconds["compile"] = interleaved(compile, compilations, warm_up=False)
    calls = max(1, round(TURN / interleaved(run, 3)["automatic"].min()))
    turns = interleaved(partial(run, calls=calls), rounds)
    seconds["step"] = {name: times / calls for name, times in turns.items()}
    analyzed = {name: analyses(program) for name, program in compiled.items()}
    told = {
        measure: {name: analyzed[name][measure] for name in CONTESTANTS}
        for measure in next(iter(analyzed.values()))
    }
    return Cost(program, seconds, told)


def interleaved(
    act: Callable[[str], object], rounds: int, *, warm_up: bool = True
) -> dict[str, np.ndarray]:
    """Seconds that `act` takes for each contestant, (rounds,), one after another in every round.

    Who goes first moves on from round to round, so that a slow minute hits all alike. As in
    `timeit`, Python's garbage is left lying meanwhile.
    """
    names = list(CONTESTANTS)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for name in names if warm_up else ():
        act(name)
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                start_time = time.perf_counter()
                act(name)
                seconds[name].append(time.perf_counter() - start_time)
    finally:
        gc.enable()
    return {name: np.array(times) for name, times in seconds.items()}


def format_ratio(ratio: float) -> str:
    """Two decimals, or two figures of a small one."""
    return f"{ratio:.2f}" if ratio >= 0.1 or not ratio else f"{ratio:.2g}"


def analyses(compiled: Any) -> dict[str, float | None]:
    """FLOPs, transcendental functions and bytes of temporary memory, as the program tells them.

    None where the backend has no such analysis. XLA counts the body of a scan once, however often
    it runs.
    """
    counted = _query(compiled, "cost_analysis") or {}
    memory = _query(compiled, "memory_analysis")
    return {
        "flops": _count(counted.get("flops")),
        "transcendentals": _count(counted.get("transcendentals")),
        "memory": _count(getattr(memory, "temp_size_in_bytes", None)),
    }


def _query(compiled: Any, analysis: str) -> Any:
    try:
        return getattr(compiled, analysis)()
    except (AttributeError, NotImplementedError, jax.errors.JaxRuntimeError):
        return None


def _count(told: Any) -> float | None:
    """XLA says -1 where it does not know."""
    return None if told is None or told < 0 else float(told)
