"""A model to keep: `save` it into a folder, `load` it from there or from a run's folder."""

from fnn.model.best import save_best as save_best
from fnn.model.folder import is_float64 as is_float64
from fnn.model.folder import load as load
from fnn.model.folder import save as save
from fnn.model.model import Model as Model

__all__: list[str]
