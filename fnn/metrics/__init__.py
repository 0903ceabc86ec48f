"""Metrics of a network: pure functions of arrays, under `jit` and `vmap`."""

from fnn.metrics.calibration import Reliability, brier, ece, nll, reliability
from fnn.metrics.confusion import confusion
from fnn.metrics.evaluation import CHUNK, Metrics, evaluate, measure, outputs
from fnn.metrics.format import format_metric
from fnn.metrics.predictions import as_logits, predicted
from fnn.metrics.registry import check_metrics, default_metrics, higher_is_better

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
    "format_metric",
    "higher_is_better",
    "measure",
    "nll",
    "outputs",
    "predicted",
    "reliability",
]
