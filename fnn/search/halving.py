"""Successive halving: many settings for a short while, the best of them for longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fnn.objective import Batch
from fnn.search.halving_run import HalvingRun, RungLogger
from fnn.search.problem import SearchProblem
from fnn.search.result import SearchResult
from fnn.search.space import Build
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, draw
from fnn.sweeps.checks import check_members
from fnn.training.checks import check_counts, check_loggers
from fnn.training.host.interrupts import interruptible
from fnn.training.parallel.devices import Devices
from fnn.training.run import Run


def halving(
    run: Run | Build,
    data: Any,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    draws: int,
    epochs: int,
    eta: int = 3,
    rungs: Sequence[int] | None = None,
    metric: str | None = None,
    seed: int = 0,
    order_seed: int = 0,
    target_scale: Any = None,
    keep: int | None = 1,
    memory: int | str | None = None,
    loggers: Sequence[RungLogger] = (),
    devices: Devices | None = None,
) -> SearchResult:
    """Draw settings at random, and train on only the best 1/η of them from rung to rung.

    The rungs stand at r, rη, rη², … epochs, the last at `epochs`; N draws become N/η, N/η², … The
    first rung costs N r epochs, each later one (1 - 1/η) of that. Members are compared by the
    validation metric that they have at a rung: of the best epoch so far where the run has a
    `Selection`. Who has diverged goes first.

    Nobody is trained again: survivors go on from where they stand, in a smaller program where that
    is worth compiling it, and come to what they would have come to without the others (within
    1e-12 in float64).

    Arguments:
        run: what is varied, or a function from settings to the run that they make.
        over: values or `Range`s by name, as in `fnn.sweep`; they are drawn by `seed`. With a
            function, any names that it knows.
        draws: settings at the first rung; all are held in memory until then.
        epochs: of those that come to the end.
        rungs: epochs at which members are compared, in place of those that follow from `draws`
            and `eta`.
        metric: one of those measured; None for what the run selects by, else the validation loss.
        seed, order_seed: of all members.
        loggers: called with a `Rung` when one is reached.

    The other arguments, and the errors, are those of `fnn.sweep`, but `devices` are those of one
    process.

    Jamieson & Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter
    Optimization, section 3; Li et al. 2018, Hyperband, Algorithm 1 (its innermost loop).
    """
    check_loggers(loggers)
    problem = SearchProblem.of(
        run,
        data,
        validation,
        over=over,
        epochs=epochs,
        metric=metric,
        seed=seed,
        order_seed=order_seed,
        target_scale=target_scale,
        devices=devices,
        together=draws,
    )
    members = [problem.member(settings) for settings in draw(problem.space, draws, seed)]
    check_members(members, problem.data.rows, problem.data.validation, epochs)
    least = max(member.run.validate_every for member in members)
    race = HalvingRun(problem, members, ladder(draws, epochs, eta, rungs, least), memory)
    with interruptible() as request:
        race.run(request, loggers)
    return race.result(request.signal, keep)


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
