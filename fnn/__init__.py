"""Feed-forward networks as pure functions over parameter pytrees, in JAX."""

import importlib
from typing import TYPE_CHECKING, Any

import fnn.startup  # noqa: F401  (before what takes seconds)
from fnn import (
    activations,
    gradients,
    initializers,
    losses,
    metrics,
    networks,
    optimizers,
    schedules,
    training,
    xla,
)
from fnn.audit import assert_gradient, audit, audit_gradient
from fnn.combinators import Ensemble, Parallel, Repeat, Residual, Serial
from fnn.layer import KeyMissingError, Layer, Static
from fnn.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    Softmax,
)
from fnn.metrics import Metrics, evaluate
from fnn.network_summary import summary
from fnn.networks import mlp, perceptron, residual_mlp
from fnn.objective import Aux, Batch, Objective, Policy
from fnn.shapes import shape, shape_of
from fnn.spec import (
    FnnError,
    ShapeError,
    SpecError,
    from_json,
    named_leaves,
    number,
    numbers,
    part,
    replace,
    spec,
    static,
    to_json,
    with_fields,
    with_numbers,
)
from fnn.training import (
    DivergedError,
    LastEpochs,
    MovingAverage,
    Run,
    RunState,
    Selection,
    fit,
    init_state,
    segment,
    step,
    steps_per_epoch,
)

xla.set_up()

if TYPE_CHECKING:
    from fnn import data, ensembles, model, search, sweeps
    from fnn.audit.result import Audit
    from fnn.ensembles.ensemble import ensemble
    from fnn.sweeps.sweep import sweep
    from fnn.training.train import train

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Audit",
    "Aux",
    "Batch",
    "BatchNorm",
    "Dense",
    "DivergedError",
    "Dropout",
    "Embedding",
    "Ensemble",
    "Flatten",
    "FnnError",
    "KeyMissingError",
    "LastEpochs",
    "Layer",
    "LayerNorm",
    "Metrics",
    "MovingAverage",
    "Objective",
    "Parallel",
    "Policy",
    "Repeat",
    "Residual",
    "Run",
    "RunState",
    "Selection",
    "Serial",
    "ShapeError",
    "Softmax",
    "SpecError",
    "Static",
    "activations",
    "assert_gradient",
    "audit",
    "audit_gradient",
    "data",
    "ensemble",
    "ensembles",
    "evaluate",
    "fit",
    "from_json",
    "gradients",
    "init_state",
    "initializers",
    "losses",
    "metrics",
    "mlp",
    "model",
    "named_leaves",
    "networks",
    "number",
    "numbers",
    "optimizers",
    "part",
    "perceptron",
    "replace",
    "residual_mlp",
    "schedules",
    "search",
    "segment",
    "shape",
    "shape_of",
    "spec",
    "static",
    "step",
    "steps_per_epoch",
    "summary",
    "sweep",
    "sweeps",
    "to_json",
    "train",
    "training",
    "with_fields",
    "with_numbers",
]

_ALIASES = {"Linear": "Dense", "Sequential": "Serial"}
"""what PyTorch and Keras call it"""
_LAZY = {
    "Audit": "fnn.audit.result",
    "ensemble": "fnn.ensembles.ensemble",
    "sweep": "fnn.sweeps.sweep",
    "train": "fnn.training.train",
}


def __getattr__(name: str) -> Any:
    """Data, models and what needs them are imported when they are asked for."""
    if name in ("data", "ensembles", "model", "search", "sweeps"):
        return importlib.import_module(f"fnn.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    here = f": write fnn.{_ALIASES[name]}" if name in _ALIASES else ""
    raise AttributeError(f"module 'fnn' has no attribute {name!r}{here}")
