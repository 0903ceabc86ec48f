"""Numbers that say how good a network is: pure functions of arrays, under `jit` and `vmap`."""

from fnn.metrics.calibration import Reliability, brier, ece, nll, reliability
from fnn.metrics.counting import confusion
from fnn.metrics.evaluation import CHUNK, Metrics, evaluate, measure, outputs
from fnn.metrics.names import check_metrics, default_metrics, higher_is_better
from fnn.metrics.predictions import as_logits, predicted
from fnn.metrics.writing import written

__all__ = [
    "CHUNK",
    "Metrics",
    "Reliability",
    "as_logits",
    "brier",
    "check_metrics",
    "confusion",
    "default_metrics",
    "ece",
    "evaluate",
    "higher_is_better",
    "measure",
    "nll",
    "outputs",
    "predicted",
    "reliability",
    "written",
]
