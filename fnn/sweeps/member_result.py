"""The result of a member of a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import jax
import numpy as np

from fnn.layer import PyTree
from fnn.metrics import higher_is_better
from fnn.spec import SpecError, choice
from fnn.sweeps.axes import Member
from fnn.sweeps.program import MemberSnapshot
from fnn.training.host.history import History, first_epochs
from fnn.training.host.single_run import Status


@dataclass(frozen=True, eq=False)
class MemberResult:
    """A member that has ended.

    index: its number in the sweep.
    status: "finished", "stopped early", "diverged" or "interrupted"; "retired" where a search
        stopped it.
    epochs: how many it trained; of one that diverged, the last is the one in which it did.
    best_epoch: counted from 1; None without a `Selection`, and where it never had a finite value.
    values: `loss` and each `validation_<metric>` at the epoch whose parameters are kept: the best,
        else the last that was validated. NaN where a member diverged and nothing was kept.
    history: an entry an epoch (`fnn.training.host.history`).
    params, state: the ones to use, as NumPy arrays; None where they were not kept.
    """

    index: int
    member: Member
    status: Status | Literal["retired"]
    epochs: int
    best_epoch: int | None
    values: dict[str, float]
    history: History
    params: PyTree | None
    state: PyTree | None


def member_results(
    members: Sequence[Member],
    numbers: Sequence[int],
    ended: MemberSnapshot,
    history: History,
    epochs: int,
    reached: int,
) -> list[MemberResult]:
    """Outcomes, without parameters, of members that stand where `ended` says.

    They have these numbers, and reached `reached` epochs of `epochs`.
    """
    flags = ended._replace(params=None, state=None)
    rows = zip(members, numbers, *jax.tree.leaves(flags), strict=True)
    return [
        _outcome(
            number,
            member,
            MemberSnapshot(None, None, *own),
            {name: values[row] for name, values in history.items()},
            epochs,
            reached,
        )
        for row, (member, number, *own) in enumerate(rows)
    ]


def with_params(
    outcomes: Sequence[MemberResult], ended: MemberSnapshot, chosen: set[int]
) -> list[MemberResult]:
    """The outcomes, those of these numbers with their parameters."""
    leaves, treedef = jax.tree.flatten((ended.params, ended.state))

    def one(row: int, outcome: MemberResult) -> MemberResult:
        params, state = jax.tree.unflatten(treedef, [leaf[row] for leaf in leaves])
        return replace(outcome, params=params, state=state)

    return [
        one(row, outcome) if outcome.index in chosen else outcome
        for row, outcome in enumerate(outcomes)
    ]


def best_of(outcomes: Iterable[MemberResult], metric: str, keep: int | None) -> set[int]:
    """The numbers of the best `keep`; None for all."""
    kept = outcomes if keep is None else ranked(outcomes, metric)[:keep]
    return {outcome.index for outcome in kept}


def _outcome(
    index: int, member: Member, ended: MemberSnapshot, history: History, epochs: int, reached: int
) -> MemberResult:
    losses = history.get("loss", np.empty(0))[:reached]
    trained = int(ended.epoch)
    status: Status
    finite = np.isfinite(losses[:trained])
    if not (finite.all() and ended.finite):
        status = "diverged"
        trained = trained if finite.all() else int(np.argmin(finite)) + 1
    elif trained == epochs:
        status = "finished"
    else:
        status = "interrupted" if ended.active else "stopped early"
    history = first_epochs(history, trained)
    best = int(ended.best_epoch) or None
    return MemberResult(
        index=index,
        member=member,
        status=status,
        epochs=trained,
        best_epoch=best,
        values=_values(history, best, lost=status == "diverged" and best is None),
        history=history,
        params=None,
        state=None,
    )


def _values(history: History, best: int | None, lost: bool) -> dict[str, float]:
    """The metrics of the parameters that are kept."""
    chosen = {}
    for name, values in history.items():
        if "/" in name:
            continue
        if best is not None:
            chosen[name] = float(values[best - 1])
        else:
            measured = values[~np.isnan(values)]
            chosen[name] = float(measured[-1]) if len(measured) and not lost else float("nan")
    return chosen


def keep_best(
    outcomes: Sequence[MemberResult], metric: str, keep: int | None
) -> list[MemberResult]:
    """The outcomes, with the parameters of the best `keep` of them at most; None keeps all."""
    chosen = best_of(outcomes, metric, keep)
    return [
        outcome
        if outcome.params is None or outcome.index in chosen
        else replace(outcome, params=None, state=None)
        for outcome in outcomes
    ]


def ranked(outcomes: Iterable[MemberResult], metric: str) -> list[MemberResult]:
    """The best first; those without a finite value are left out."""
    known = [outcome for outcome in outcomes if np.isfinite(value(outcome, metric))]
    return sorted(known, key=lambda outcome: value(outcome, metric), reverse=is_higher(metric))


def value(outcome: MemberResult, metric: str) -> float:
    """A metric of an outcome. Raises `SpecError` for one that was not measured."""
    if outcome.values and metric not in outcome.values:
        raise SpecError(f"{metric!r} was not measured{choice(metric, outcome.values)}", "metric")
    return outcome.values.get(metric, float("nan"))


def is_higher(metric: str) -> bool:
    """Whether the largest is best."""
    return higher_is_better(metric.removeprefix("validation_"))
