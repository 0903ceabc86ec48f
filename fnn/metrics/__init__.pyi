"""Numbers that say how good a network is: pure functions of arrays, under `jit` and `vmap`."""

from fnn.metrics.calibration import Reliability as Reliability
from fnn.metrics.calibration import brier as brier
from fnn.metrics.calibration import ece as ece
from fnn.metrics.calibration import nll as nll
from fnn.metrics.calibration import reliability as reliability
from fnn.metrics.confusion import confusion as confusion
from fnn.metrics.evaluation import CHUNK as CHUNK
from fnn.metrics.evaluation import Metrics as Metrics
from fnn.metrics.evaluation import evaluate as evaluate
from fnn.metrics.evaluation import measure as measure
from fnn.metrics.evaluation import outputs as outputs
from fnn.metrics.format import format_metric as format_metric
from fnn.metrics.predictions import as_logits as as_logits
from fnn.metrics.predictions import predicted as predicted
from fnn.metrics.registry import check_metrics as check_metrics
from fnn.metrics.registry import default_metrics as default_metrics
from fnn.metrics.registry import higher_is_better as higher_is_better

__all__: list[str]
