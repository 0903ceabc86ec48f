"""Feed-forward networks as pure functions over parameter pytrees, in JAX.

Importing this changes nothing in the process, and loads neither JAX nor what needs it: a name is
imported when it is first used. They stand in `__init__.pyi`.
"""

from fnn import lazy
from fnn.spec.kinds import declare_modules

__version__ = "0.2.0"
"""also read by pyproject.toml"""
__all__ = lazy.attach(__name__, {"Linear": "Dense", "Sequential": "Serial"})

declare_modules(
    "fnn.activations",
    "fnn.initializers",
    "fnn.layers",
    "fnn.combinators",
    "fnn.losses",
    "fnn.objective",
    "fnn.optimizers",
    "fnn.schedules",
    "fnn.training",
    "fnn.audit.problem.projection",
)
