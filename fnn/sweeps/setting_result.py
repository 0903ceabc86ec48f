"""The result of a setting: mean and interval over the seeds of its members."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fnn.sweeps.axes import SEEDS, Settings
from fnn.sweeps.member_result import MemberResult, value

CONFIDENCE = 0.95


class SettingResult(NamedTuple):
    """The result of members that differ in their seeds alone.

    mean: of the metric over the members that have a finite one.
    low, high: the 95 % interval of that mean, by Student's t; NaN for a single member.
    deviation: the standard deviation over the members (n - 1); NaN for a single one.
    diverged: how many of the members diverged.
    """

    settings: Settings
    mean: float
    low: float
    high: float
    deviation: float
    diverged: int
    members: list[MemberResult]


def by_setting(outcomes: Iterable[MemberResult], metric: str) -> list[SettingResult]:
    """The settings of these members, in the order in which they come."""
    groups: dict[str, list[MemberResult]] = {}
    for outcome in outcomes:
        groups.setdefault(repr(_without_seeds(outcome)), []).append(outcome)
    return [_setting(members, metric) for members in groups.values()]


def _setting(outcomes: list[MemberResult], metric: str) -> SettingResult:
    values = np.array([value(outcome, metric) for outcome in outcomes])
    finite = values[np.isfinite(values)]
    mean, low, high, deviation = interval(finite)
    diverged = sum(outcome.status == "diverged" for outcome in outcomes)
    return SettingResult(
        _without_seeds(outcomes[0]), mean, low, high, deviation, diverged, outcomes
    )


def interval(values: np.ndarray) -> tuple[float, float, float, float]:
    """The mean, its 95 % interval by Student's t, and the standard deviation; NaN where unknown."""
    from scipy.special import stdtrit

    count = len(values)
    if count == 0:
        return (float("nan"),) * 4
    mean = float(values.mean())
    if count == 1:
        return mean, float("nan"), float("nan"), float("nan")
    deviation = float(values.std(ddof=1))
    half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * deviation / count**0.5
    return mean, mean - half, mean + half, deviation


def _without_seeds(outcome: MemberResult) -> Settings:
    settings = outcome.member.settings
    return {name: settings[name] for name in settings if name not in SEEDS}
