"""Numbers that say how good a network is: pure functions of arrays, under `jit` and `vmap`."""

from fnn import lazy

__all__ = lazy.attach(__name__)
