"""The front doors: train, ensemble, sweep and search, with or without the folder of a run."""

from fnn.api.ensembles import ensemble as ensemble
from fnn.api.searches import bayes as bayes
from fnn.api.searches import halving as halving
from fnn.api.sweeps import sweep as sweep
from fnn.api.training import train as train

__all__: list[str]
