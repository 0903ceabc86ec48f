"""The front doors: train, ensemble, sweep and search, with or without the folder of a run.

With `folder=` each leaves what the command of the same name leaves (`fnn.runs`).
"""

from fnn import lazy

__all__ = lazy.attach(__name__)
