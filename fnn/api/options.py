"""The arguments that the front doors pass to the rooms below."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, TypeAlias, TypedDict

from fnn.data import Dataset, Prepared
from fnn.losses import Penalty
from fnn.sweeps.axes import Strategy
from fnn.training.fitting import MemberOptions
from fnn.training.host.events import Logger, Stop
from fnn.training.parallel.devices import Devices
from fnn.training.policy.averaging import Averaging
from fnn.training.policy.selection import Selection

Data: TypeAlias = str | os.PathLike[str] | Dataset | Prepared | tuple[object, object]
"""what `fnn.train` takes: a name, a path, rows with their units, prepared rows, arrays, or a frame
and the name of its target"""


class RunOptions(TypedDict, total=False):
    """Arguments of `fnn.train` that are those of `Objective`, `Policy` and `Run`."""

    gradient: Literal["automatic", "manual"]
    penalties: tuple[Penalty, ...]
    precision: Literal["float32", "bfloat16", "float64"]
    metrics: tuple[str, ...] | None
    validate_every: int
    selection: Selection | Literal["auto"] | None
    averaging: Averaging | None
    monitor: bool


class TrainOptions(RunOptions, total=False):
    """Arguments of `fnn.train` that are those of `Run` and of `fnn.fit`."""

    seed: int
    order_seed: int
    loggers: Sequence[Logger]
    stop: Stop | None
    devices: Devices | None
    save_every: float


FIT_OPTIONS = TrainOptions.__annotations__.keys() - RunOptions.__annotations__.keys()


class SweepOptions(MemberOptions, total=False):
    """Arguments of `fnn.sweep` that its members are made of, trained and compared by."""

    how: Strategy
    draws: int | None
    own_order: bool
    keep: int | None
    metric: str | None
