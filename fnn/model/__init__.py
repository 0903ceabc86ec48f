"""A model to keep: `save` it into a folder, `load` it from there or from a run's folder."""

from fnn import lazy

__all__ = lazy.attach(__name__)
