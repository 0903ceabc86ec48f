"""Feed-forward networks as pure functions over parameter pytrees, in JAX."""

from fnn import activations, gradients, initializers, losses, networks, optimizers, schedules
from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.layer import KeyMissingError, Layer, Static
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm, Softmax
from fnn.metrics import Metrics, evaluate
from fnn.networks import mlp, perceptron, residual_mlp
from fnn.objective import Aux, Batch, Objective, Policy
from fnn.report import summary
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
    with_numbers,
)
from fnn.training import Run, RunState, init_state, segment, step, train

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Aux",
    "Batch",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Flatten",
    "FnnError",
    "KeyMissingError",
    "Layer",
    "LayerNorm",
    "Metrics",
    "Objective",
    "Parallel",
    "Policy",
    "Repeat",
    "Residual",
    "Run",
    "RunState",
    "Serial",
    "ShapeError",
    "Softmax",
    "SpecError",
    "Static",
    "activations",
    "evaluate",
    "from_json",
    "gradients",
    "init_state",
    "initializers",
    "losses",
    "mlp",
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
    "segment",
    "shape",
    "shape_of",
    "spec",
    "static",
    "step",
    "summary",
    "to_json",
    "train",
    "with_numbers",
]
