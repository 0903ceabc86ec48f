"""Metrics of a network: pure functions of arrays, under `jit` and `vmap`."""

from fnn import lazy

__all__ = lazy.attach(__name__)
