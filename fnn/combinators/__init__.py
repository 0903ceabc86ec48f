"""Layers made of layers."""

from fnn.combinators.ensemble import Ensemble
from fnn.combinators.parallel import Parallel
from fnn.combinators.repeat import Repeat
from fnn.combinators.residual import Residual
from fnn.combinators.serial import Serial

__all__ = ["Ensemble", "Parallel", "Repeat", "Residual", "Serial"]
