"""The result of an ensemble: one network, and its members beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike

from fnn.data import Prepared
from fnn.ensembles.combine import combine
from fnn.ensembles.uncertainty import Predictive, predictive
from fnn.layer import PyTree
from fnn.objective import Batch, Objective
from fnn.shapes import wide
from fnn.spec import FnnError, numbers, replace
from fnn.sweeps import MemberResult, SweepResult
from fnn.training.host.history import History
from fnn.training.rows import RowReader, evaluate_rows
from fnn.training.run import Run

Scores = dict[str, float]
"""metrics by name"""
Rows = Batch | RowReader | None
"""to be measured, if there are any"""


class LeftOut(NamedTuple):
    """A member that is not in the ensemble, and why."""

    seed: int
    reason: str


@dataclass(frozen=True, eq=False)
class EnsembleResult:
    """Members that were trained apart, as one network.

    run: the members' own, but with the ensemble's objective, its numbers as arrays.
    params, state: the ensemble's, the members' stacked along a first axis.
    members: the result of each member in the ensemble (`fnn.sweeps.MemberResult`).
    left_out: members that diverged, or that an interruption kept from being trained.
    validation, test: metrics of the ensemble; None where there are no such rows. In the target's
        own units save for the loss.
    each_validation, each_test: those of every member by itself, in the members' order.
    prepared: the data; None where they came as a `Batch`.
    seconds: in all; compile_seconds: of these, before first steps.
    interrupted: what `stop` gave when it ended the training; None if it did not.
    """

    run: Run
    params: PyTree
    state: PyTree
    members: list[MemberResult]
    left_out: tuple[LeftOut, ...]
    validation: Scores | None
    test: Scores | None
    each_validation: list[Scores] | None
    each_test: list[Scores] | None
    prepared: Prepared | None
    seconds: float
    compile_seconds: float
    interrupted: int | None

    @property
    def objective(self) -> Objective:
        """The ensemble's: its network is a `fnn.Ensemble`."""
        objective: Objective = self.run.objective
        return objective

    @property
    def best(self) -> None:
        """None: every member has a best epoch of its own."""

    @property
    def history(self) -> History:
        """An entry an epoch: the mean over the members that trained so long. Empty for none."""
        epochs = max(outcome.epochs for outcome in self.members)
        if epochs == 0:
            return {}
        return {
            name: np.array([_mean_at(epoch, name, self.members) for epoch in range(epochs)])
            for name in self.members[0].history
        }

    def predictive(self, inputs: Any) -> Predictive:
        """Mean and spread in the target's own units for rows of raw inputs, of a regression.

        Raises `FnnError` for classes, and where the data came as a `Batch`, without preprocessing.
        """
        if self.prepared is None:
            raise FnnError("was trained on a Batch: fnn.ensembles.member_outputs takes its rows")
        fitted = self.prepared.preprocessing
        return predictive(self.objective, self.params, self.state, fitted.encode(inputs), fitted)


def ensemble_result(
    run: Run,
    trained: SweepResult,
    seeds: Sequence[int],
    rows: tuple[Rows, Rows],
    target_scale: ArrayLike | None,
    prepared: Prepared | None,
) -> EnsembleResult:
    """The members of a sweep over seeds as an ensemble; `rows` are to validate and to test.

    Raises `FnnError` where no member is left, `KeyboardInterrupt` where none was started.
    """
    left_out, kept = _left_out(trained, seeds), _kept(trained)
    if not trained.outcomes:
        raise KeyboardInterrupt
    if not kept:
        seed, reason = left_out[0]
        raise FnnError(f"no member of {len(seeds)} is left: that of seed {seed} {reason}, for one")
    own = numbers(run, wide(run.objective.policy.dtype))
    each = [(outcome.params, outcome.state) for outcome in kept]
    objective, params, state = combine(own.objective, each)

    networks = [(objective, params, state), *((own.objective, *member) for member in each)]
    validation, each_validation = _measured(networks, rows[0], own.metric_names, target_scale)
    test, each_test = _measured(networks, rows[1], own.metric_names, target_scale)
    return EnsembleResult(
        run=replace(own, objective=objective),
        params=params,
        state=state,
        members=kept,
        left_out=left_out,
        validation=validation,
        test=test,
        each_validation=each_validation,
        each_test=each_test,
        prepared=prepared,
        seconds=trained.seconds,
        compile_seconds=trained.compile_seconds,
        interrupted=trained.interrupted,
    )


def _measured(
    networks: Sequence[tuple[Objective, PyTree, PyTree]],
    rows: Rows,
    names: tuple[str, ...],
    target_scale: ArrayLike | None,
) -> tuple[Scores | None, list[Scores] | None]:
    """Metrics of the ensemble, which comes first, and of each member."""
    if rows is None:
        return None, None
    measured = [evaluate_rows(*network, rows, names, target_scale) for network in networks]
    ensemble, *members = [{name: float(one[name]) for name in names} for one in measured]
    return ensemble, members


def _mean_at(epoch: int, name: str, members: Sequence[MemberResult]) -> float:
    values = [member.history[name][epoch] for member in members if epoch < member.epochs]
    return float(np.mean(values))


def _kept(trained: SweepResult) -> list[MemberResult]:
    return [outcome for outcome in trained.outcomes if outcome.status != "diverged"]


def _left_out(trained: SweepResult, seeds: Sequence[int]) -> tuple[LeftOut, ...]:
    """In the order of the seeds."""
    known = {outcome.member.seed: outcome for outcome in trained.outcomes}
    left_out = []
    for seed in seeds:
        if seed not in known:
            left_out.append(LeftOut(seed, "was not trained: interrupted before its turn"))
        elif known[seed].status == "diverged":
            left_out.append(LeftOut(seed, f"diverged in epoch {known[seed].epochs}"))
    return tuple(left_out)
