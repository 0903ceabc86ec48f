"""A sweep: from axes and data to what every member came to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from fnn.objective import Batch
from fnn.spec import SpecError
from fnn.sweeps.axes import Axis, Member, Strategy, members
from fnn.sweeps.result import SweepResult, key
from fnn.sweeps.store import open_store
from fnn.sweeps.train import SweepLogger, default_metric, train_members
from fnn.training.parallel.devices import Devices, check_enough, mesh_of
from fnn.training.run import Run
from fnn.training.train import as_prepared, check_loss, check_outputs


def sweep(
    run: Run,
    data: Any,
    validation: Batch | None = None,
    *,
    over: Mapping[str, Axis],
    epochs: int,
    how: Strategy = "grid",
    draws: int | None = None,
    seed: int = 0,
    order_seed: int = 0,
    own_order: bool = False,
    target_scale: Any = None,
    keep: int | None = 1,
    metric: str | None = None,
    memory: int | str | None = None,
    folder: str | os.PathLike[str] | None = None,
    loggers: Sequence[SweepLogger] = (),
    devices: Devices | None = None,
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
        seed: of all, where "seed" is not varied; it draws random settings too. `order_seed` is
            shared by all, so that members see their batches in one order, which is gathered once
            for all; `own_order` gives each the order of its own seed.
        keep: how many members keep their parameters, the best by `metric`; None for all.
        metric: one of those measured; None for what the run selects by, else the validation loss,
            else the loss.
        memory: what may be used, in bytes or as "2GB"; None for half of what is free. Members are
            trained as many at a time as fit, by the compiled program's own memory analysis; if
            memory runs out all the same, half as many.
        folder: where what has ended is kept. The same call goes on where it was interrupted.
        loggers: called with a `SweepEvent` about twice a second and at the end.
        devices: how many devices divide the members among them (`Devices` says what else it may
            be), each with the rows and `memory` of its own; None for the default one. A number of
            members that can't be divided is filled up. Several processes (`jax.distributed`) all
            make the same call, and need the same `folder`, if any.

    A member equals the lone run (`fnn.fit`) with its numbers and seeds: to about 1e-12 after 50
    steps in float64. Not to the bit: sums are added up in another order when members are computed
    together, and in float32 such differences, 1e-7 at first, grow along a run as those of any
    other rounding do. A member that leaves the finite numbers ends as "diverged", and spoils
    nobody; train it alone to be told where it began.

    Ctrl-C and SIGTERM end it within about half a second, with what was reached.

    Raises `SpecError` with the axis for empty or unequal ones, names that no field has (with the
    nearest), values that a field may not hold, and a budget too small for one member; `FnnError`
    for a folder that holds another sweep; and for data what `fnn.fit` and `fnn.train` raise.
    """
    found = members(
        run, over, how, draws=draws, seed=seed, order_seed=order_seed, own_order=own_order
    )
    return sweep_members(
        found,
        data,
        validation,
        epochs=epochs,
        target_scale=target_scale,
        keep=keep,
        metric=metric,
        memory=memory,
        folder=folder,
        loggers=loggers,
        devices=devices,
    )


def sweep_members(
    members: Sequence[Member],
    data: Any,
    validation: Batch | None = None,
    *,
    epochs: int,
    target_scale: Any = None,
    keep: int | None = 1,
    metric: str | None = None,
    memory: int | str | None = None,
    folder: str | os.PathLike[str] | None = None,
    loggers: Sequence[SweepLogger] = (),
    devices: Devices | None = None,
) -> SweepResult:
    """`fnn.sweep` over members that are made already; arguments and errors are those of it."""
    rows, validation, target_scale = shared_rows(members, data, validation, target_scale)
    validated = validation is not None
    compared = default_metric(members, validated)
    if metric is not None:
        compared = key(metric, metric_names(members, validated))
    mesh = mesh_of(devices, "members")
    check_enough(len(members), mesh)
    with open_store(folder, members, rows, validation, target_scale, epochs, mesh) as store:
        made = train_members(
            members,
            rows,
            validation,
            epochs=epochs,
            target_scale=target_scale,
            keep=keep,
            metric=compared,
            memory=memory,
            store=store,
            loggers=loggers,
            devices=mesh,
        )
    return SweepResult(members=len(members), metric=compared, **made._asdict())


def shared_rows(
    members: Sequence[Member], data: Any, validation: Batch | None, target_scale: Any
) -> tuple[Batch, Batch | None, Any]:
    """The rows that all members share."""
    if isinstance(data, Batch):
        return data, validation, target_scale
    if validation is not None:
        raise SpecError("comes from the data, which are prepared in one", "validation")
    prepared = as_prepared(data)
    for member in members:
        check_loss(member.run.objective.loss, prepared)
        check_outputs(member.run.objective.net, prepared)
    if not isinstance(prepared.train, Batch) or not isinstance(prepared.validation, Batch | None):
        raise SpecError("expected rows in memory, which members share", "data")
    return prepared.train, prepared.validation, prepared.preprocessing.target_scale


def metric_names(members: Sequence[Member], validated: bool) -> list[str]:
    """What every member measures."""
    names = [set(member.run.metric_names) for member in members]
    return [
        "loss",
        *(f"validation_{name}" for name in sorted(set.intersection(*names)) if validated),
    ]
