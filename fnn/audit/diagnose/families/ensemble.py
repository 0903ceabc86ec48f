"""Ensembles: the number of members, a frequent divisor."""

from __future__ import annotations

from fnn.audit.diagnose.registry import has_sizes
from fnn.combinators import Ensemble


@has_sizes(Ensemble)
def members(layer: Ensemble) -> dict[str, float]:
    """M, of which each member has its share."""
    return {"M, the number of members,": float(layer.members)}
