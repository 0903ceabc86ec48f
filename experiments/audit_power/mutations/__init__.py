"""Planted faults: mistakes that people make in a backward pass, to try an audit on.

Each is a right layer, loss, penalty or objective with a wrong backward pass; values stay right.
"""

from experiments.audit_power.mutations import (
    activations,
    combinators,
    dense,
    dropout,
    elements,
    ensemble,
    losses,
    normalization,
    objective,
    repeat,
    shaping,
    softmax,
)
from experiments.audit_power.mutations.any_layer import faults_of_unknown_layers
from experiments.audit_power.mutations.fault import Fault, exchange
from experiments.audit_power.mutations.inject import (
    FaultyLayer,
    FaultyLoss,
    FaultyObjective,
    FaultyPenalty,
    inject_fault,
)

SUBJECTS = (
    dense,
    activations,
    dropout,
    normalization,
    softmax,
    shaping,
    combinators,
    repeat,
    ensemble,
    losses,
    objective,
    elements,
)
WRITTEN = tuple(
    value for module in SUBJECTS for value in vars(module).values() if isinstance(value, Fault)
)
CATALOG: tuple[Fault, ...] = (
    *WRITTEN,
    *faults_of_unknown_layers({cls for fault in WRITTEN for cls in fault.family}),
)

__all__ = [
    "CATALOG",
    "Fault",
    "FaultyLayer",
    "FaultyLoss",
    "FaultyObjective",
    "FaultyPenalty",
    "exchange",
    "inject_fault",
]
