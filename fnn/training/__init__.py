"""Training: a run is a spec, where it stands is a pytree, and whole epochs are one program."""

from fnn.training.loop import TrainResult, train
from fnn.training.perceptron import PerceptronResult, train_perceptron
from fnn.training.run import Run
from fnn.training.segment import EpochMetrics, epoch, segment, take
from fnn.training.state import RunState, init_state
from fnn.training.step import step

__all__ = [
    "EpochMetrics",
    "PerceptronResult",
    "Run",
    "RunState",
    "TrainResult",
    "epoch",
    "init_state",
    "segment",
    "step",
    "take",
    "train",
    "train_perceptron",
]
