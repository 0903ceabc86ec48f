"""What is searched: a space, the data, and what makes one setting better than another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fnn.objective import Batch
from fnn.search.space import Build, Settings, Space, as_space, builder, some
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, Member
from fnn.sweeps.member_result import MemberResult, is_higher, value
from fnn.sweeps.program import SweepData
from fnn.sweeps.result import key
from fnn.sweeps.sweep import metric_names, shared_rows
from fnn.sweeps.train import default_metric
from fnn.training.checks import check_epochs, check_seeds
from fnn.training.parallel.devices import Devices, check_enough, mesh_of
from fnn.training.parallel.sharding import replicate
from fnn.training.run import Run


@dataclass(frozen=True, eq=False)
class SearchProblem:
    """A search that is about to begin: all that its methods share."""

    space: Space
    build: Build
    data: SweepData
    epochs: int
    metric: str
    """the key of `MemberResult.values` that settings are compared by"""
    seed: int
    order_seed: int

    @classmethod
    def of(
        cls,
        run: Run | Build,
        data: Any,
        validation: Batch | None,
        *,
        over: Mapping[str, Axis],
        epochs: int,
        metric: str | None,
        seed: int,
        order_seed: int,
        target_scale: Any,
        devices: Devices | None,
        together: int,
    ) -> SearchProblem:
        """Arguments and errors as in `fnn.search.bayes`; so many are trained `together`."""
        check_epochs(epochs)
        check_seeds(seed=seed, order_seed=order_seed)
        if not isinstance(run, Run) and not callable(run):
            raise SpecError(
                f"expected a fnn.Run, or a function from settings to one, got {run!r}", "run"
            )
        space, build = as_space(run, over), builder(run)
        first = Member({}, build({name: some(axis)[0] for name, axis in space.items()}), 0, 0)
        rows, validation, target_scale = shared_rows([first], data, validation, target_scale)
        if validation is None:
            raise SpecError("none are there, and settings are chosen by them", "validation")
        by = default_metric([first], validated=True)
        if metric is not None:
            by = key(metric, metric_names([first], validated=True))
        mesh = mesh_of(devices, "members")
        check_enough(together, mesh)
        if mesh is not None and mesh.is_multi_process:
            raise SpecError("expected those of one process, which a search runs in", "devices")
        data = SweepData(*replicate((rows, validation, target_scale), mesh))
        return cls(space, build, data, epochs, by, seed, order_seed)

    def member(self, settings: Settings) -> Member:
        """The run of a setting; all have the same seeds, so that settings alone differ."""
        return Member(settings, self.build(settings), self.seed, self.order_seed)

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
        found = self.value(outcome)
        if not np.isfinite(found):
            return -np.inf
        return found if self.higher else -found
