"""A sweep: from axes and data to the result of every member."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, Unpack

from fnn.host import transfers
from fnn.objective import Batch
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, Member, Strategy, members
from fnn.sweeps.result import SweepResult, key
from fnn.sweeps.store import open_store
from fnn.sweeps.train import default_metric, train_fitting
from fnn.training.fitting import MemberFitting, MemberOptions, check_options
from fnn.training.parallel.devices import check_enough
from fnn.training.run import Run
from fnn.training.train import as_prepared, check_loss, check_outputs

R = TypeVar("R")


@transfers
def sweep(
    run: Run,
    data: Any,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    how: Strategy = "grid",
    draws: int | None = None,
    own_order: bool = False,
    keep: int | None = 1,
    metric: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    **options: Unpack[MemberOptions],
) -> SweepResult:
    """Train `run` many times as one program: over learning rates, seeds, widths, anything in it.

    Arguments:
        data: a `Batch` to train on, with `validation` beside it; or whatever `fnn.train` takes
            (then `validation` and `target_scale` come from it).
        over: values by the name of what they replace: the path of a field of `run`
            ("optimizer.learning_rate", "objective.net.layers[1].rate"), or its tail
            ("learning_rate", "rate": every field of that name), "seed" or "order_seed". A number
            is an axis of the program, so that another grid compiles nothing; what changes the
            program (widths, an activation, a batch size, an optimizer, None in place of a number)
            makes a group of its own, compiled once.
        how: "grid" crosses the axes; "zip" takes first with first, second with second; "random"
            draws `draws` settings, evenly from lists and from `Range(low, high, log=True)`, and
            crosses them with the seeds' axes.
        own_order: whether each member sees its batches in the order of its own seed; else all see
            them in that of `order_seed`, which is gathered once for all.
        keep: how many members keep their parameters, the best by `metric`; None for all.
        metric: one of those measured; None for what the run selects by, else the validation loss,
            else the loss.
        folder: where what has ended is kept. The same call resumes where it was interrupted.
        epochs, seed, order_seed, target_scale, memory, loggers, stop, devices: see
            `FittingOptions` and `MemberOptions` (`fnn.training.fitting`). The seeds are those of
            all, where they are not varied; `seed` draws random settings too. Loggers are called
            about twice a second and at the end. Devices divide the members among them, each with
            the rows and `memory` of its own; a number of members that can't be divided is filled
            up. Several processes (`jax.distributed`) all make the same call, and need the same
            `folder`, if any.

    A member equals the lone run (`fnn.fit`) with its numbers and seeds: to about 1e-12 after 50
    steps in float64. Not to the bit: sums are added up in another order when members are computed
    together, and in float32 such differences, 1e-7 at first, grow along a run as those of any
    other rounding do. A member that leaves the finite numbers ends as "diverged", and changes no
    other; train it alone to learn where it diverged.

    `stop` ends it within about half a second, with what was reached.

    Raises `SpecError` with the axis for empty or unequal ones, names that no field has (with the
    nearest), values that a field may not hold, and a budget too small for one member; `FnnError`
    for a folder that holds another sweep; and for data what `fnn.fit` and `fnn.train` raise.
    """
    check_options(sweep, options, MemberOptions)
    fitting = MemberFitting(run, data, validation, **options)
    seeds = {"seed": fitting.seed, "order_seed": fitting.order_seed}
    varied = members(run, over, how, draws=draws, own_order=own_order, **seeds)
    return _sweep(fitting.having(varied, data, validation), keep, metric, folder)


def sweep_members(
    members: Sequence[Member],
    data: Any,
    validation: Batch | None = None,
    *,
    keep: int | None = 1,
    metric: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    **options: Unpack[MemberOptions],
) -> SweepResult:
    """`fnn.sweep` over members that exist already; arguments and errors are those of it."""
    return _sweep(MemberFitting(members, data, validation, **options), keep, metric, folder)


@transfers
def _sweep(
    fitting: MemberFitting[Sequence[Member], Any],
    keep: int | None,
    metric: str | None,
    folder: str | os.PathLike[str] | None,
) -> SweepResult:
    members = fitting.run
    shared = shared_rows(members, fitting)
    compared = compared_by(members, metric, shared.validation is not None)
    mesh = shared.mesh("members")
    check_enough(len(members), mesh)
    with open_store(folder, shared, mesh) as store:
        trained = train_fitting(shared, keep=keep, metric=compared, store=store)
    return SweepResult(members=len(members), metric=compared, **trained._asdict())


def shared_rows(
    members: Sequence[Member], fitting: MemberFitting[R, Any]
) -> MemberFitting[R, Batch]:
    """The same on the rows that all members share: those of the data, where they are prepared."""
    if isinstance(fitting.rows, Batch):
        return fitting
    if fitting.validation is not None:
        raise SpecError("comes from the data, which are prepared in one", "validation")
    prepared = as_prepared(fitting.rows)
    for member in members:
        check_loss(member.run.objective.loss, prepared)
        check_outputs(member.run.objective.net, prepared)
    if not isinstance(prepared.train, Batch) or not isinstance(prepared.validation, Batch | None):
        raise SpecError("expected rows in memory, which members share", "data")
    return replace(
        fitting,
        rows=prepared.train,
        validation=prepared.validation,
        target_scale=prepared.preprocessing.target_scale,
    )


def compared_by(members: Sequence[Member], metric: str | None, validated: bool) -> str:
    """The name in `MemberResult.values` that members are compared by; None for the default.

    Raises `SpecError` for a metric that some member does not measure.
    """
    if metric is None:
        return default_metric(members, validated)
    names = set.intersection(*(set(member.run.metric_names) for member in members))
    measured = [f"validation_{name}" for name in sorted(names) if validated]
    return key(metric, ["loss", *measured])
