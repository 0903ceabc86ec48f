"""Training: a run is a spec, where it stands is a pytree, and any stretch of it is one program."""

from fnn.training.averaging import Averaging, LastEpochs, MovingAverage
from fnn.training.course import Logger, Look
from fnn.training.epoch import EpochMetrics, steps_per_epoch, take
from fnn.training.history import History
from fnn.training.loop import BestEpoch, DivergedError, Fit, Timing, fit
from fnn.training.monitors import Monitors
from fnn.training.perceptron import PerceptronResult, train_perceptron
from fnn.training.progress import Progress
from fnn.training.rows import Rows
from fnn.training.run import Run
from fnn.training.segment import segment
from fnn.training.selection import Best, Selection
from fnn.training.state import RunState, chosen, current, init_state
from fnn.training.step import step

__all__ = [
    "Averaging",
    "Best",
    "BestEpoch",
    "DivergedError",
    "EpochMetrics",
    "Fit",
    "History",
    "LastEpochs",
    "Logger",
    "Look",
    "Monitors",
    "MovingAverage",
    "PerceptronResult",
    "Progress",
    "Rows",
    "Run",
    "RunState",
    "Selection",
    "Timing",
    "chosen",
    "current",
    "fit",
    "init_state",
    "segment",
    "step",
    "steps_per_epoch",
    "take",
    "train_perceptron",
]
