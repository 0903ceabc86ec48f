"""What is searched: a space, the data, and what makes one setting better than another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fnn.objective import Batch
from fnn.search.space import Build, Space, as_space, builder, some
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, Member, Settings
from fnn.sweeps.member_result import MemberResult, is_higher, value
from fnn.sweeps.program import SweepData
from fnn.sweeps.sweep import compared_by, shared_rows
from fnn.training.fitting import MemberFitting, MemberOptions
from fnn.training.parallel.devices import check_enough
from fnn.training.parallel.sharding import replicate
from fnn.training.run import Run


@dataclass(frozen=True, eq=False)
class SearchProblem:
    """A search that is about to begin: all that its methods share.

    fitting: what settings are built by, on which rows, for how long, from which seeds.
    data: its rows on the devices.
    metric: the key of `MemberResult.values` that settings are compared by.
    """

    space: Space
    fitting: MemberFitting[Build, Batch]
    data: SweepData
    metric: str

    @classmethod
    def of(
        cls,
        fitting: MemberFitting[Run | Build, Any],
        over: Mapping[str, Axis],
        metric: str | None,
        together: int,
    ) -> SearchProblem:
        """Arguments and errors as in `fnn.search.bayes`; so many are trained `together`."""
        run = fitting.run
        if not isinstance(run, Run) and not callable(run):
            raise SpecError(
                f"expected a fnn.Run, or a function from settings to one, got {run!r}", "run"
            )
        space, build = as_space(run, over), builder(run)
        first = Member({}, build({name: some(axis)[0] for name, axis in space.items()}), 0, 0)
        on_rows = shared_rows([first], fitting)
        if on_rows.validation is None:
            raise SpecError("none are there, and settings are chosen by them", "validation")
        by = compared_by([first], metric, validated=True)
        mesh = fitting.mesh("members")
        check_enough(together, mesh)
        if mesh is not None and mesh.is_multi_process:
            raise SpecError("expected those of one process, which a search runs in", "devices")
        data = on_rows.rows, on_rows.validation, on_rows.target_scale
        return cls(
            space,
            on_rows.having(build, on_rows.rows, on_rows.validation),
            SweepData(*replicate(data, mesh)),
            by,
        )

    @property
    def build(self) -> Build:
        """What makes a run of a setting."""
        return self.fitting.run

    @property
    def options(self) -> MemberOptions:
        """How every batch of settings is trained."""
        return {
            "epochs": self.fitting.epochs,
            "target_scale": self.data.target_scale,
            "memory": self.fitting.memory,
            "stop": self.fitting.stop,
            "devices": self.data.mesh,
        }

    def member(self, settings: Settings) -> Member:
        """The run of a setting; all have the same seeds, so that settings alone differ."""
        return Member(settings, self.build(settings), self.fitting.seed, self.fitting.order_seed)

    @property
    def higher(self) -> bool:
        """Whether the largest value is best."""
        return is_higher(self.metric)

    def value(self, outcome: MemberResult) -> float:
        """What an outcome is compared by; NaN where the member diverged."""
        if outcome.status == "diverged":
            return float("nan")
        return value(outcome, self.metric)

    def score(self, outcome: MemberResult) -> float:
        """The same, the larger the better; -inf where there is no finite value."""
        measured = self.value(outcome)
        if not np.isfinite(measured):
            return -np.inf
        return measured if self.higher else -measured
