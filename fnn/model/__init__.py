"""A model to keep: `save` it into a folder, `load` it from there or from a run's folder."""

from fnn.model.best import save_best
from fnn.model.folder import is_float64, load, save, versions
from fnn.model.model import Model

__all__ = ["Model", "is_float64", "load", "save", "save_best", "versions"]
