"""The result of a search."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fnn.sweeps.member_result import MemberResult, ranked
from fnn.sweeps.result import SweepResult
from fnn.sweeps.setting_result import SettingResult
from fnn.training.host.events import Rung


@dataclass(frozen=True, eq=False)
class SearchResult(SweepResult):
    """A search that has ended: a sweep whose settings were chosen during it.

    `outcomes` are the settings that were tried, in order; those taken up from a storage have no
    history. Members that halving stopped have the status "retired".

    spent: epochs trained, summed over members: the budget that was used, by this call and those
        before it.
    rungs: of successive halving.
    """

    spent: int
    rungs: list[Rung] = field(default_factory=list)

    def settings(self, metric: str | None = None) -> list[SettingResult]:
        """Settings, those first that count for `best`, and the best of them before the others."""
        counted = {outcome.index for outcome in self._counted(self._known(metric))}
        return sorted(
            super().settings(metric),
            key=lambda setting: not any(outcome.index in counted for outcome in setting.members),
        )

    def best(self, metric: str | None = None) -> SettingResult:
        """The best setting; `.members[0]` is its outcome, with its parameters by `self.metric`.

        Only what was trained to the end counts, as far as there is such a one with a finite value.
        Being the best of many, it looks better on the validation rows than it is. Raises
        `SpecError` where no member has a finite value.
        """
        metric = self._known(metric)
        return SweepResult.best(replace(self, outcomes=self._counted(metric)), metric)

    def keeping(self, count: int | None) -> SearchResult:
        """The same, with the parameters of the best `count` alone; None for all."""
        if count is None:
            return self
        best = ranked(self._counted(self.metric), self.metric)[:count]
        kept = {outcome.index for outcome in best}
        return replace(
            self,
            outcomes=[
                outcome if outcome.index in kept else replace(outcome, params=None, state=None)
                for outcome in self.outcomes
            ],
        )

    def _counted(self, metric: str) -> list[MemberResult]:
        """What was trained to the end with a finite value; all, if nothing was."""
        whole = [
            outcome for outcome in self.outcomes if outcome.status not in ("retired", "diverged")
        ]
        return whole if ranked(whole, metric) else self.outcomes
