"""Optuna's ask and tell for a search."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np

from fnn.files import json_text, with_floats
from fnn.search.problem import SearchProblem
from fnn.search.space import as_text, holds, label, some
from fnn.search.storage import open_storage, optuna, quiet, usable
from fnn.spec import FnnError, SpecError, choice, error_path, to_json
from fnn.sweeps.arrays import contents, digest
from fnn.sweeps.axes import Member, Range, Settings, Values
from fnn.sweeps.member_result import MemberResult

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

Sampler = Callable[[int], "BaseSampler"]
"""an Optuna sampler from a seed"""
NAME, RECORD, CAME_TO = "fnn", "search", "outcome"
RECORDED = ("status", "epochs", "best_epoch", "values")
"""of an outcome"""


class Proposal(NamedTuple):
    """A setting to try, and its number in the study."""

    number: int
    settings: Settings


def tpe(seed: int) -> BaseSampler:
    """The tree-structured Parzen estimator; settings in training count as bad ones, so that those
    of a batch differ (Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization)."""
    return optuna().samplers.TPESampler(seed=seed, constant_liar=True)


@contextmanager
def study(
    problem: SearchProblem, path: Path | None, sampler: Sampler | None, first: Sequence[Settings]
) -> Iterator[Study]:
    """A study, new or as it was left in a file, which is ours as long as it is open."""
    with quiet(), open_storage(path) as storage:
        yield Study(problem, storage, path, sampler or tpe, first)


class Study:
    """The trials so far, and the settings to try next.

    A new sampler draws each proposal, from the search's seed and the number of those
    before: what comes next follows from what is in the storage, so that a search that was
    interrupted, or killed, continues as one that was not.
    """

    def __init__(
        self,
        problem: SearchProblem,
        storage: BaseStorage,
        path: Path | None,
        sampler: Sampler,
        first: Sequence[Settings],
    ) -> None:
        self.problem, self.path, self.sampler = problem, path, sampler
        self.axes = {name: _distribution(axis) for name, axis in problem.space.items()}
        with usable(path, opening=True):
            self.study = optuna().create_study(
                storage=storage,
                study_name=NAME,
                direction="maximize" if problem.higher else "minimize",
                load_if_exists=True,
            )
            known = self.study.user_attrs.get(RECORD)
            trials = self.study.trials
            if known is None and any(trial.state.name != "WAITING" for trial in trials):
                raise FnnError("holds a study of another program", str(path))
            if known is None:
                again = bool(trials)  # a kill came before the record was written
                for settings in first:
                    self.study.enqueue_trial(self._params(settings), skip_if_exists=again)
                self.study.set_user_attr(RECORD, self._record())
            else:
                self._check_same(known)

    def recorded(self) -> list[tuple[Proposal, MemberResult]]:
        """What was tried, in order, and its results: without history and parameters."""
        with usable(self.path, opening=True):
            attributes = self.study.user_attrs
            records = [
                (
                    Proposal(trial.number, self._settings(trial.params)),
                    with_floats(json.loads(attributes[f"{CAME_TO} {trial.number}"])),
                )
                for trial in self._trials("COMPLETE", "PRUNED")
            ]
        return [
            (proposal, _outcome(index, self.problem.member(proposal.settings), record))
            for index, (proposal, record) in enumerate(records)
        ]

    def ask(self, count: int) -> list[Proposal]:
        """So many settings to try: first those proposed before, and never recorded."""
        with usable(self.path):
            trials = []
            for trial in self._trials("RUNNING"):
                if set(trial.params) == set(self.axes):
                    trials.append(trial)
                else:  # a kill came while it was proposed
                    self.study.tell(trial.number, state=optuna().trial.TrialState.FAIL)
                    if fixed := trial.system_attrs.get("fixed_params"):
                        self.study.enqueue_trial(fixed)
            recorded = len(self._trials("COMPLETE", "PRUNED"))
            while len(trials) < count:
                self.study.sampler = self.sampler(self._seed(recorded + len(trials)))
                trials.append(self.study.ask(self.axes))
        return [Proposal(trial.number, self._settings(trial.params)) for trial in trials[:count]]

    def tell(self, proposal: Proposal, outcome: MemberResult) -> None:
        """Record the result of a setting: its value, or that there is no finite one."""
        value = self.problem.value(outcome)
        record = {name: getattr(outcome, name) for name in RECORDED}
        with usable(self.path):
            self.study.set_user_attr(f"{CAME_TO} {proposal.number}", json_text(record))
            if np.isfinite(value):
                self.study.tell(proposal.number, value)
            else:
                self.study.tell(proposal.number, state=optuna().trial.TrialState.PRUNED)

    def _trials(self, *states: str) -> list[FrozenTrial]:
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if trial.state.name in states]

    def _seed(self, number: int) -> int:
        """Of the sampler that draws that setting."""
        return int(
            np.random.SeedSequence([self.problem.fitting.seed, 4, number]).generate_state(1)[0]
        )

    def _settings(self, params: Settings) -> Settings:
        """Optuna's parameters as the values that they stand for."""
        values = {}
        for name, axis in self.problem.space.items():
            value = params[name]
            if not isinstance(axis, Range):
                value = axis[[label(axis, known) for known in axis].index(value)]
            values[name] = value
        return values

    def _params(self, settings: Settings) -> Settings:
        """The other way round. Raises `SpecError` for a setting that is not in the space."""
        params = {}
        for name, value in settings.items():
            axis = self.problem.space.get(name)
            with error_path(f"first, {name}"):
                if axis is None:
                    raise SpecError(f"is not varied{choice(name, self.problem.space)}")
                if not holds(axis, value):
                    raise SpecError(f"expected one of {as_text(axis)}, got {value!r}")
                params[name] = value if isinstance(axis, Range) else label(axis, value)
        return params

    def _record(self) -> dict[str, object]:
        """What makes it this search, and no other."""
        problem = self.problem
        settings = {name: some(axis)[0] for name, axis in problem.space.items()}
        return {
            "space": {name: _recorded(axis) for name, axis in problem.space.items()},
            "epochs": problem.fitting.epochs,
            "metric": problem.metric,
            "seed": problem.fitting.seed,
            "order_seed": problem.fitting.order_seed,
            "run": digest([to_json(problem.build(settings)).encode()]),
            "data": digest(contents(leaf) for leaf in jax.tree.leaves(problem.data)),
        }

    def _check_same(self, known: Mapping[str, object]) -> None:
        expected = self._record()
        differ = [name for name in expected if known.get(name) != expected[name]]
        if differ:
            which = f"{', '.join(differ)} {'differs' if len(differ) == 1 else 'differ'}"
            raise FnnError(f"holds another search, whose {which}", str(self.path))


def _outcome(index: int, member: Member, record: Settings) -> MemberResult:
    """An outcome as far as it was recorded."""
    return MemberResult(index, member, history={}, params=None, state=None, **record)


def _distribution(axis: Values) -> BaseDistribution:
    kinds = optuna().distributions
    if not isinstance(axis, Range):
        return kinds.CategoricalDistribution([label(axis, value) for value in axis])
    if axis.whole:
        return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return kinds.FloatDistribution(axis.low, axis.high, log=axis.log)


def _recorded(axis: Values) -> str:
    """An axis as studies record it: in their format a `Range` is called `Between`."""
    if isinstance(axis, Range):
        return f"Between{repr(axis).removeprefix('Range')}"
    return as_text(axis)
