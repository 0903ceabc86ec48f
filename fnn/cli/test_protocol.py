"""How good a sweep's best setting is: on rows that chose it, and on test rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.sweeps import MemberResult, SettingResult, SweepResult


VALIDATION = "validation_"


class Tested(NamedTuple):
    """Test metrics of the best setting.

    values: of each metric, an entry a member that was measured.
    words: which members were measured.
    """

    setting: SettingResult
    values: dict[str, np.ndarray]
    words: str

    @property
    def means(self) -> dict[str, float]:
        """The mean of each metric."""
        return {name: float(values.mean()) for name, values in self.values.items()}


def tested(made: SweepResult, prepared: Prepared) -> Tested | None:
    """Measure all seeds of the best setting, as far as their parameters were kept.

    Where they were not, the best member of all stands for it. None where no member has a finite
    value.
    """
    from fnn.training.rows import evaluate_rows

    best = best_setting(made)
    if best is None or prepared.test is None:
        return None
    members = [member for member in best.members if np.isfinite(member.values[made.metric])]
    words = "1 seed" if len(members) == 1 else f"{len(members)} seeds"
    if any(member.params is None for member in members):
        members = made.ranked()[:1]
        words = f"the best member, seed {members[0].member.seed}: the others were not kept"
    target_scale = prepared.preprocessing.target_scale
    found = []
    for member in members:
        run = member.member.run
        kept = (member.params, member.state)
        row = evaluate_rows(run.objective, *kept, prepared.test, run.metric_names, target_scale)
        found.append({name: float(value) for name, value in row.items()})
    values = {name: np.array([row[name] for row in found]) for name in found[0]}
    return Tested(best, values, words)


def best_setting(made: SweepResult) -> SettingResult | None:
    """The best one; None where no member has a finite value."""
    return made.best() if made.outcomes and made.ranked() else None


def headlines(made: SweepResult) -> list[str]:
    """The metrics in the order in which they are told; the loss only where there is no other."""
    if not made.outcomes:
        return [made.metric.removeprefix(VALIDATION)]
    measured = made.outcomes[0].member.run.metric_names
    names = [name for name in measured if name != "loss"]
    return sorted(names, key=lambda name: name != "r2") or ["loss"]


def mean_of(members: list[MemberResult], metric: str) -> float:
    """Over the members that have a finite value; NaN where none has."""
    values = np.array([member.values[metric] for member in members])
    there = values[np.isfinite(values)]
    return float(there.mean()) if there.size else float("nan")


def means(setting: SettingResult) -> dict[str, float]:
    """Of each metric over the setting's seeds."""
    return {name: mean_of(setting.members, name) for name in setting.members[0].values}


def as_run(best: MemberResult | None) -> dict[str, Any]:
    """What a result tells of a member that stands for a run; None where there is no such member."""
    if best is None:
        return {
            "epochs": 0,
            **dict.fromkeys(("best_epoch", "validation", "selected_by", "settings")),
        }
    selection = best.member.run.selection
    return {
        "epochs": best.epochs,
        "best_epoch": best.best_epoch,
        "validation": validation_of(best.values),
        "selected_by": None if selection is None else selection.metric,
        "settings": best.member.settings,
    }


def validation_of(values: Mapping[str, float]) -> dict[str, float] | None:
    """Those that were measured on the validation rows; None where there were none."""
    found = {
        name.removeprefix(VALIDATION): value
        for name, value in values.items()
        if name.startswith(VALIDATION)
    }
    return found or None
