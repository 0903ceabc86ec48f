"""The result of a sweep: its members as a table, and its settings, the best first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fnn.spec import SpecError, choice
from fnn.sweeps.axes import SEEDS, varied
from fnn.sweeps.member_result import MemberResult, is_higher, ranked
from fnn.sweeps.setting_result import SettingResult, by_setting

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A sweep that has ended.

    outcomes: of the members that were trained, in order; all of them unless it was interrupted.
    members: how many there are in all.
    metric: the one by which they are compared: a key of `MemberResult.values`.
    wasted: the share of the epochs computed in vain, of members that had ended and of
        places that stood empty.
    seconds: in all; compile_seconds: of these, before first steps.
    interrupted: what `stop` gave when it ended the sweep; None if it did not.
    """

    outcomes: list[MemberResult]
    members: int
    metric: str
    wasted: float
    seconds: float
    compile_seconds: float
    interrupted: int | None

    @property
    def names(self) -> list[str]:
        """What is varied, seeds among it."""
        return varied([outcome.member for outcome in self.outcomes])

    @property
    def metric_names(self) -> list[str]:
        """What is known of every member: `loss`, and each `validation_<metric>`."""
        return list(dict.fromkeys(name for outcome in self.outcomes for name in outcome.values))

    def ranked(self, metric: str | None = None) -> list[MemberResult]:
        """Members, the best first; those without a finite value are left out."""
        return ranked(self.outcomes, self._known(metric))

    def settings(self, metric: str | None = None) -> list[SettingResult]:
        """Settings, the best mean over their seeds first; those with diverged members last."""
        metric = self._known(metric)
        sign = -1 if is_higher(metric) else 1
        return sorted(
            by_setting(self.outcomes, metric),
            key=lambda setting: (np.isnan(setting.mean), setting.diverged > 0, sign * setting.mean),
        )

    def best(self, metric: str | None = None) -> SettingResult:
        """The setting with the best mean over its seeds; one that never diverged, if there is one.

        Being the best of many, it looks better than it is on the rows it was chosen by. Raises
        `SpecError` where no member has a finite value.
        """
        settings = self.settings(metric)
        if not settings or np.isnan(settings[0].mean):
            raise SpecError(f"no member has a finite {self._known(metric)}")
        return settings[0]

    def frame(self) -> pd.DataFrame:
        """A row a member: what is varied, how it ended, and what was measured."""
        import pandas as pd

        varied = [name for name in self.names if name not in SEEDS]
        columns = [
            *varied,
            "seed",
            "order_seed",
            "status",
            "epochs",
            "best_epoch",
            *self.metric_names,
        ]
        rows = [
            {name: outcome.member.settings.get(name) for name in varied}
            | {"seed": outcome.member.seed, "order_seed": outcome.member.order_seed}
            | {name: getattr(outcome, name) for name in ("status", "epochs", "best_epoch")}
            | outcome.values
            for outcome in self.outcomes
        ]
        index = pd.Index([outcome.index for outcome in self.outcomes], name="member")
        return pd.DataFrame(rows, index, columns).astype({"best_epoch": "Int64"})

    def save(
        self, folder: str | os.PathLike[str], *, figures: bool = True, title: str = ""
    ) -> None:
        """Write tables and figures into a folder, made if it is not there.

        | file | holds |
        |---|---|
        | `members.parquet` | `frame()`; tuples and specs as text |
        | `history.parquet` | a row an epoch of a member, its metrics as columns |
        | `sweep.png` | the metric over each name, with the seeds' interval as a band |
        | `map.png`, `map-<name>-<name>.png` | the metric over two names |
        | `curves.png` | the metric over epochs, of the best settings |

        `fnn.model.save_best` keeps the models. Raises `FnnError` where the folder can't be
        written, and where pandas, pyarrow or matplotlib is not installed.
        """
        from fnn.sweeps.export import save

        save(self, folder, drawn=figures, title=title)

    def _known(self, metric: str | None) -> str:
        return self.metric if metric is None else key(metric, self.metric_names)


def key(metric: str, measured: Sequence[str]) -> str:
    """The name in `MemberResult.values` of a metric: of validation, where it was measured there."""
    for name in (f"validation_{metric}", metric):
        if name in measured:
            return name
    raise SpecError(f"{metric!r} is not measured{choice(metric, measured)}", "metric")
