"""A run: what is minimised, by which optimiser, in batches of which size."""

from __future__ import annotations

from typing import Literal

import optax

from fnn.objective import Objective
from fnn.optimizers import Optimizer, as_optimizer
from fnn.spec import fill, part, spec, static


@spec("run.v1")
class Run:
    """Everything that describes a training run but its data and seeds.

    Its numbers are traced: another learning rate or dropout rate uses the program already
    compiled. `gradient` says who differentiates; both give the same result within rounding.
    Somebody's own Optax transformation is taken as it is.
    """

    objective: Objective = part()
    optimizer: Optimizer = part()
    batch_size: int = static(default=128, low=1)
    gradient: Literal["automatic", "manual"] = static(default="automatic")

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer | optax.GradientTransformation | str,
        batch_size: int = 128,
        gradient: Literal["automatic", "manual"] = "automatic",
    ) -> None:
        fill(
            self,
            objective=objective,
            optimizer=as_optimizer(optimizer),
            batch_size=batch_size,
            gradient=gradient,
        )
