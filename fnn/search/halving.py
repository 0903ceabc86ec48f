"""Successive halving: many settings for a short while, the best of them for longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from fnn.objective import Batch
from fnn.search.halving_run import HalvingRun
from fnn.search.problem import SearchProblem
from fnn.search.result import SearchResult
from fnn.search.space import Build
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, draw
from fnn.sweeps.checks import check_members
from fnn.training.checks import check_counts
from fnn.training.fitting import MemberFitting, MemberOptions, check_options
from fnn.training.run import Run


def halving(
    run: Run | Build,
    data: Any,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    draws: int,
    eta: int = 3,
    rungs: Sequence[int] | None = None,
    metric: str | None = None,
    keep: int | None = 1,
    **options: Unpack[MemberOptions],
) -> SearchResult:
    """Draw settings at random, and train on only the best 1/η of them from rung to rung.

    The rungs stand at r, rη, rη², … epochs, the last at `epochs`; N draws become N/η, N/η², … The
    first rung costs N r epochs, each later one (1 - 1/η) of that. Members are compared by the
    validation metric that they have at a rung: of the best epoch so far where the run has a
    `Selection`. Those that diverged are stopped first.

    No member is trained again: survivors continue from their present state, in a smaller program
    where that is worth compiling it, and their results are those they would have without the
    others (within 1e-12 in float64).

    Arguments:
        run: what is varied, or a function from settings to the run that they make.
        over: values or `Range`s by name, as in `fnn.sweep`; they are drawn by `seed`. With a
            function, any names that it knows.
        draws: settings at the first rung; all are held in memory until then.
        rungs: epochs at which members are compared, in place of those that follow from `draws`
            and `eta`.
        metric: one of those measured; None for what the run selects by, else the validation loss.
        epochs: of those that come to the end.
        seed, order_seed: of all members.
        loggers: called with a `TrainingEvent` when a rung is reached, which is its `rung`.

    The other arguments, and the errors, are those of `fnn.sweep`, but `devices` are those of one
    process.

    Jamieson & Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter
    Optimization, section 3; Li et al. 2018, Hyperband, Algorithm 1 (its innermost loop).
    """
    check_options(halving, options, MemberOptions)
    fitting = MemberFitting[Run | Build, Any](run, data, validation, **options)
    problem = SearchProblem.of(fitting, over, metric, together=draws)
    members = [problem.member(settings) for settings in draw(problem.space, draws, fitting.seed)]
    check_members(members, problem.data.rows, problem.data.validation, fitting.epochs)
    least = max(member.run.validate_every for member in members)
    search = HalvingRun(problem, members, ladder(draws, fitting.epochs, eta, rungs, least))
    search.run()
    return search.result(keep)


def ladder(
    draws: int, epochs: int, eta: int = 3, rungs: Sequence[int] | None = None, least: int = 1
) -> list[tuple[int, int]]:
    """The epochs of each rung, and how many members come to it.

    The first stands at `least` epochs or later. Raises `SpecError` for an η below 2, and for rungs
    that don't rise from `least` to `epochs`.
    """
    check_counts(2, eta=eta)
    if rungs is None:
        count = 0
        while eta ** (count + 1) <= draws and least * eta ** (count + 1) <= epochs:
            count += 1
        heights = [round(epochs / eta ** (count - rung)) for rung in range(count)]
    else:
        heights = [height for height in rungs if height != epochs]
        if heights != sorted(set(heights)) or heights[:1] < [least] or heights[-1:] > [epochs]:
            raise SpecError(
                f"expected epochs that rise from {least} (the first validation) or more to "
                f"{epochs} at most, got {[*rungs]}",
                "rungs",
            )
    return [(height, max(draws // eta**rung, 1)) for rung, height in enumerate([*heights, epochs])]
