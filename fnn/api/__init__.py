"""The front doors: train, ensemble, sweep and search, with or without the folder of a run.

With `folder=` each leaves what the command of the same name leaves (`fnn.runs`).
"""

from fnn.api.ensembles import ensemble
from fnn.api.searches import bayes, halving
from fnn.api.sweeps import sweep
from fnn.api.training import train

__all__ = ["bayes", "ensemble", "halving", "sweep", "train"]
