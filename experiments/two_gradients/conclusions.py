"""Conclusions in words that follow from the figures, whichever way they come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.two_gradients.costs import MEASURES, TIMED, Cost, format_ratio
from experiments.two_gradients.trajectories import Drift

EXACT = 0.02
"""FLOPs and bytes that differ by less make no difference"""
NOISE = (0.05, 0.95)
"""quantiles, over the programs, of automatic against itself: in between nothing can be told"""
SUM = 100
"""a constant error a step adds up as t, in a velocity as t²: 100 times in ten times the steps"""

VERDICTS = (
    "pays",
    "pays in some programs",
    "cuts both ways",
    "costs in some programs",
    "costs",
    "makes no difference that can be told",
)


@dataclass(frozen=True)
class Verdict:
    """How often the manual gradient costs less, and how often more, by one measure."""

    measure: str
    band: tuple[float, float]
    """ratios in between are no difference"""
    ratios: dict[str, float]
    """manual / automatic, by program, where it is told"""
    less: tuple[str, ...]
    more: tuple[str, ...]
    false: int
    """how many programs the same rule finds different from themselves"""

    @property
    def words(self) -> str:
        """One of `VERDICTS`; counts of times differ by chance, by the root of their sum."""
        programs, less, more = len(self.ratios), len(self.less), len(self.more)
        different = less + more
        chance = 2 * (different + self.false) ** 0.5 if self.measure in TIMED else 0
        if different - self.false <= chance:
            return "makes no difference that can be told"
        if min(less, more) > 0.3 * max(less, more):
            return "cuts both ways"
        verb = "pays" if less > more else "costs"
        return verb if max(less, more) > 0.5 * programs else f"{verb} in some programs"


def verdict(costs: Sequence[Cost], measure: str) -> Verdict:
    """A program is different where its median is outside the band and its quartiles beside 1.

    For times the band is where automatic against itself comes out in 90 % of the programs.
    """
    low, high = 1 - EXACT, 1 + EXACT
    if measure in TIMED:
        again = [cost.ratio(measure, "again") for cost in costs]
        low, high = np.quantile([ratio[1] for ratio in again if ratio is not None], NOISE)

    def different(contestant: str) -> tuple[list[str], list[str], dict[str, float]]:
        ratios = {cost.program.name: cost.ratio(measure, contestant) for cost in costs}
        known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
        less = [name for name, (_, middle, upper) in known.items() if middle < low and upper < 1]
        more = [name for name, (lower, middle, _) in known.items() if middle > high and lower > 1]
        return less, more, {name: float(ratio[1]) for name, ratio in known.items()}

    less, more, ratios = different("manual")
    false = sum(map(len, different("again")[:2]))
    return Verdict(measure, (float(low), float(high)), ratios, tuple(less), tuple(more), false)


def cost_words(costs: Sequence[Cost]) -> Iterator[str]:
    """When a backward by hand pays: a line a measure, then all in one."""
    verdicts = [verdict(costs, measure) for measure in MEASURES]
    for judged in verdicts:
        yield from _measure_words(judged, costs)
    measures: dict[str, list[str]] = {}
    for judged in verdicts:
        if judged.ratios:
            measures.setdefault(judged.words, []).append(MEASURES[judged.measure])
    phrases = (f"{words}: {', '.join(measures[words])}" for words in VERDICTS if words in measures)
    yield f"In one line, a backward by hand {'; '.join(phrases)}."


def _measure_words(judged: Verdict, costs: Sequence[Cost]) -> Iterator[str]:
    name, ratios = MEASURES[judged.measure], judged.ratios
    if not ratios:
        yield f"{name}: the compiled programs don't tell on this backend"
        return
    values = list(ratios.values())
    low, high = judged.band
    limit = "noise" if judged.measure in TIMED else "limit"
    lowest, highest = format_ratio(min(values)), format_ratio(max(values))
    yield (
        f"{name}: {judged.words}, less in {len(judged.less)}, more in {len(judged.more)} of "
        f"{len(ratios)} programs; manual / automatic {np.median(values):.2f} "
        f"({lowest} to {highest}), {limit} {low:.2f} to {high:.2f}"
    )
    for word, names, sign in (("least", judged.less, 1), ("most", judged.more, -1)):
        ordered = sorted(names, key=lambda name: sign * ratios[name])[:5]
        if ordered:
            yield f"  {word}: " + "; ".join(
                f"{name} {format_ratio(ratios[name])}" for name in ordered
            )
    if judged.measure in TIMED:
        yield f"  automatic against itself would be different in {judged.false}"
    if judged.measure in ("lower", "compile"):
        sums = (
            sum(np.median(cost.seconds[judged.measure][name]) for cost in costs)
            for name in ("automatic", "manual")
        )
        yield "  all programs: automatic {:.1f} s, manual {:.1f} s".format(*sums)
    if judged.measure == "flops" and any(cost.program.repeated for cost in costs):
        yield "  XLA counts the body of a scan once, however often it runs"
    if len(ratios) < len(costs):
        yield f"  {len(costs) - len(ratios)} programs don't tell, or tell 0"


@dataclass(frozen=True)
class Growth:
    """How the distance of two runs grew, as means over the seeds."""

    fastest: float
    """the largest factor between a step and the tenfold of it, from step 10 on"""
    steps: float | None
    """steps in which it grew tenfold, where rounding that adds up can't have done that"""
    ratio: float
    """manual / nudged at the last step"""


def growth(drift: Drift) -> Growth:
    """Read off the means over the seeds."""
    mean, nudged = drift.manual.mean(0), drift.nudged.mean(0)
    last = len(mean) - 1
    starts = np.unique(np.geomspace(min(10, last), max(last // 10, 10), 50).astype(int))
    ends = np.minimum(10 * starts, last)
    starts, ends = starts[mean[starts] > 0], ends[mean[starts] > 0]
    fastest = float(np.max(mean[ends] / mean[starts], initial=1.0))
    steps = None
    if fastest > SUM:
        far = int(np.argmax(mean > 0.1 * mean.max()))
        steps = (far - starts[0]) / float(np.log10(mean[far] / mean[starts[0]]))
    return Growth(fastest, steps, float(mean[-1] / nudged[-1]) if nudged[-1] else np.inf)


def drift_words(drifts: Sequence[Drift]) -> Iterator[str]:
    """Where the distance comes from, and whether it is more than rounding explains."""
    growths = {f"{drift.name}, {drift.dtype}": growth(drift) for drift in drifts}
    for drift in drifts:
        seen = growths[f"{drift.name}, {drift.dtype}"]
        reason = (
            f"roundings add up (fastest {seen.fastest:.0f} times in ten times the steps)"
            if seen.steps is None
            else f"the training itself drives runs apart, tenfold every {seen.steps:.0f} steps"
        )
        yield f"{drift.name}, {drift.dtype}: {reason}"
    steps = drifts[0].manual.shape[1] - 1
    ratios = [seen.ratio for seen in growths.values()]
    limit = steps**0.5
    times = f"{min(ratios):.2g} to {max(ratios):.2g} times as far apart as two automatic runs"
    yield (
        f"After {steps:,} steps manual and automatic are {times}, one of which began one ulp aside."
    )
    beyond = [name for name, seen in growths.items() if seen.ratio > limit]
    yield (
        f"More than rounding explains (a fresh rounding at each step is up to √{steps:,} ≈ "
        f"{limit:.0f} times the one): {'; '.join(beyond) or 'none'}."
    )
