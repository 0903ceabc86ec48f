"""Ensembles: members trained apart as one program, and used as one network."""

from fnn.ensembles.combine import average_of, combine
from fnn.ensembles.ensemble import ensemble
from fnn.ensembles.result import EnsembleResult, LeftOut
from fnn.ensembles.uncertainty import Predictive, member_outputs, predictive

__all__ = [
    "EnsembleResult",
    "LeftOut",
    "Predictive",
    "average_of",
    "combine",
    "ensemble",
    "member_outputs",
    "predictive",
]
