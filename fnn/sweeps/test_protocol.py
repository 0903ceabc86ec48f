"""How good a sweep's best setting is: on the rows that chose it, and once on the test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from fnn.data import Prepared
from fnn.sweeps.member_result import MemberResult
from fnn.sweeps.result import SweepResult
from fnn.sweeps.setting_result import SettingResult
from fnn.training.rows import evaluate_rows

VALIDATION = "validation_"
R = TypeVar("R", bound=SweepResult)


class MeasuredSetting(NamedTuple):
    """Test metrics of the best setting.

    values: of each metric, an entry a member that was measured.
    measured: which members these are, as text.
    """

    setting: SettingResult
    values: dict[str, np.ndarray]
    measured: str

    @property
    def means(self) -> dict[str, float]:
        """The mean of each metric."""
        return {name: float(values.mean()) for name, values in self.values.items()}


def measured(result: R, prepared: Prepared) -> tuple[R, MeasuredSetting | None]:
    """A result with its best setting measured; None where it was interrupted.

    The test rows are used at the end alone: settings that are still to be chosen among would be
    chosen by them.
    """
    return result, measure_best(result, prepared) if result.interrupted is None else None


def measure_best(result: SweepResult, prepared: Prepared) -> MeasuredSetting | None:
    """Measure all seeds of the best setting, as far as their parameters were kept.

    Where they were not, the best member of all stands for it. None where no member has a finite
    value, and where no test rows were set aside.
    """
    best = best_setting(result)
    if best is None or prepared.test is None:
        return None
    members = [member for member in best.members if np.isfinite(member.values[result.metric])]
    described = "1 seed" if len(members) == 1 else f"{len(members)} seeds"
    if any(member.params is None for member in members):
        members = result.ranked()[:1]
        described = f"the best member, seed {members[0].member.seed}: the others were not kept"
    rows = [_test_metrics(member, prepared) for member in members]
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return MeasuredSetting(best, values, described)


def _test_metrics(member: MemberResult, prepared: Prepared) -> dict[str, float]:
    assert prepared.test is not None
    run, target_scale = member.member.run, prepared.preprocessing.target_scale
    metrics = evaluate_rows(
        run.objective, member.params, member.state, prepared.test, run.metric_names, target_scale
    )
    return {name: float(value) for name, value in metrics.items()}


def best_setting(result: SweepResult) -> SettingResult | None:
    """The best one; None where no member has a finite value."""
    return result.best() if result.outcomes and result.ranked() else None


def headline_metrics(names: Sequence[str]) -> list[str]:
    """Metrics in the order in which they are reported; the loss only where there is no other."""
    others = [name for name in names if name != "loss"]
    return sorted(others, key=lambda name: name != "r2") or ["loss"]


def sweep_headlines(result: SweepResult) -> list[str]:
    """The `headline_metrics` of a sweep's members."""
    if not result.outcomes:
        return [result.metric.removeprefix(VALIDATION)]
    return headline_metrics(result.outcomes[0].member.run.metric_names)


def mean_of(members: Sequence[MemberResult], metric: str) -> float:
    """Over the members that have a finite value; NaN where none has."""
    values = np.array([member.values[metric] for member in members])
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def setting_means(setting: SettingResult) -> dict[str, float]:
    """Of each metric over the setting's seeds."""
    return {name: mean_of(setting.members, name) for name in setting.members[0].values}


def validation_metrics(values: Mapping[str, float]) -> dict[str, float] | None:
    """Those that were measured on the validation rows; None where there were none."""
    validation = {
        name.removeprefix(VALIDATION): value
        for name, value in values.items()
        if name.startswith(VALIDATION)
    }
    return validation or None
