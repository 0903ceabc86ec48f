"""A run: what is minimized, by which optimizer, in batches of which size, and what is watched."""

from __future__ import annotations

from typing import Literal

import optax

from fnn.metrics import check_metrics, default_metrics
from fnn.objective import Objective
from fnn.optimizers import Optimizer, as_optimizer
from fnn.spec import error_path, part, set_fields, spec, static
from fnn.training.policy.averaging import Averaging
from fnn.training.policy.selection import Selection


@spec("run.v1")
class Run:
    """Everything that describes a training run but its data, seeds and length.

    Its numbers are traced: another learning rate or dropout rate uses the program already
    compiled.

    Arguments:
        optimizer: a spec, its name, or an Optax transformation of the user's, taken as it is: keep
            the object, because a new object is a new program.
        batch_size: rows a step, or "full": all of them, in the order in which they stand. A size
            larger than the data is all of the data.
        gradient: who differentiates; both give the same result within rounding.
        metrics: names of what validation measures (see `fnn.metrics`); None for what suits the
            loss.
        validate_every: validation follows every so many epochs.
        selection: which epoch's parameters are kept and when to stop; None keeps the last.
        averaging: a mean of the parameters that stands for them at validation and in the end.
        monitor: whether gradient norms, update ratios and dead units are gathered by layer
            (`Monitors` states the cost).
    """

    objective: Objective = part()
    optimizer: Optimizer = part()
    batch_size: int | Literal["full"] = static(default=128, low=1)
    gradient: Literal["automatic", "manual"] = static(default="automatic")
    metrics: tuple[str, ...] | None = static(default=None)
    validate_every: int = static(default=1, low=1)
    selection: Selection | None = part(default=None)
    averaging: Averaging | None = part(default=None)
    monitor: bool = static(default=False)

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer | optax.GradientTransformation | str,
        batch_size: int | Literal["full"] = 128,
        gradient: Literal["automatic", "manual"] = "automatic",
        *,
        metrics: tuple[str, ...] | None = None,
        validate_every: int = 1,
        selection: Selection | None = None,
        averaging: Averaging | None = None,
        monitor: bool = False,
    ) -> None:
        set_fields(
            self,
            objective=objective,
            optimizer=as_optimizer(optimizer),
            batch_size=batch_size,
            gradient=gradient,
            metrics=metrics,
            validate_every=validate_every,
            selection=selection,
            averaging=averaging,
            monitor=monitor,
        )

    def check(self) -> None:
        with error_path("metrics"):
            check_metrics(self.metrics or (), self.objective.loss)
        if self.selection is not None:
            with error_path("selection.metric"):
                check_metrics((self.selection.metric,), self.objective.loss)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics of a validation: those asked for, the loss, and what selection compares."""
        metrics = self.metrics or default_metrics(self.objective.loss)
        chosen = () if self.selection is None else (self.selection.metric,)
        return tuple(dict.fromkeys(("loss", *metrics, *chosen)))
