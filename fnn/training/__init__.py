"""Training: a run is a spec, its state is a pytree, and any segment of it is one program."""

from fnn.training.fitting import Fitting, FittingOptions, MemberOptions
from fnn.training.host.events import (
    Logger,
    MemberProgress,
    Rung,
    SearchProgress,
    Stop,
    TrainingEvent,
)
from fnn.training.host.fit import BestEpoch, DivergedError, FitResult, Timing, fit
from fnn.training.host.history import History
from fnn.training.host.progress import Progress
from fnn.training.host.saving import Save, Snapshot
from fnn.training.policy.averaging import Averaging, LastEpochs, MovingAverage
from fnn.training.policy.monitors import Monitors
from fnn.training.policy.selection import Best, Selection
from fnn.training.program.epoch import EpochMetrics, gather, steps_per_epoch
from fnn.training.program.segment import segment
from fnn.training.program.state import RunState, evaluation_parameters, final_parameters, init_state
from fnn.training.program.step import step
from fnn.training.rows import RowReader
from fnn.training.run import Run

__all__ = [
    "Averaging",
    "Best",
    "BestEpoch",
    "DivergedError",
    "EpochMetrics",
    "FitResult",
    "Fitting",
    "FittingOptions",
    "History",
    "LastEpochs",
    "Logger",
    "MemberOptions",
    "MemberProgress",
    "Monitors",
    "MovingAverage",
    "Progress",
    "RowReader",
    "Run",
    "RunState",
    "Rung",
    "Save",
    "SearchProgress",
    "Selection",
    "Snapshot",
    "Stop",
    "Timing",
    "TrainingEvent",
    "evaluation_parameters",
    "final_parameters",
    "fit",
    "gather",
    "init_state",
    "segment",
    "step",
    "steps_per_epoch",
]
