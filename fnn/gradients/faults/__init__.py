"""Planted faults: mistakes that people make in a backward pass, to try an audit on.

Each is a right layer, loss, penalty or objective with a wrong backward pass; values stay right.
"""

from fnn.gradients.faults import (
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
from fnn.gradients.faults.fault import Fault, exchange
from fnn.gradients.faults.network import Network
from fnn.gradients.faults.networks import NETWORKS
from fnn.gradients.faults.planted import (
    PlantedLayer,
    PlantedLoss,
    PlantedObjective,
    PlantedPenalty,
    planted,
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
CATALOG: tuple[Fault, ...] = tuple(
    value for module in SUBJECTS for value in vars(module).values() if isinstance(value, Fault)
)

__all__ = [
    "CATALOG",
    "NETWORKS",
    "Fault",
    "Network",
    "PlantedLayer",
    "PlantedLoss",
    "PlantedObjective",
    "PlantedPenalty",
    "exchange",
    "planted",
]
