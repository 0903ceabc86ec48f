"""Data: where it comes from, which rows do what, and in which units.

`load` a `Dataset` by name or file, or make one `from_arrays` or `from_frame`: it holds raw values
in their own units. `prepare` splits it, fits a `Preprocessing` to the training rows and encodes
all.
"""

from fnn import lazy

__all__ = lazy.attach(__name__)
