"""Specs: frozen dataclasses that are pytrees.

Everything that describes a run (a layer, a network, a loss, an optimizer) is a spec. Its numbers
are leaves, so they travel through `jit` as arguments and `vmap` sweeps them; everything else is the
treedef, which `jit` caches on.
"""

from fnn import lazy

__all__ = lazy.attach(__name__)
