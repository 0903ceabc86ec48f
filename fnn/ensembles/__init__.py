"""Ensembles: members trained apart as one program, and used as one network."""

from fnn.ensembles.ensemble import ensemble
from fnn.ensembles.result import Ensembled, LeftOut
from fnn.ensembles.spread import Predictive, member_outputs, predictive
from fnn.ensembles.together import average_of, together

__all__ = [
    "Ensembled",
    "LeftOut",
    "Predictive",
    "average_of",
    "ensemble",
    "member_outputs",
    "predictive",
    "together",
]
