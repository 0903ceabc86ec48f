"""Optimizers: specs that become Optax transformations inside the trace.

Learning rates, decays, momenta and clips are leaves, so another value compiles nothing and `vmap`
sweeps them. The arithmetic is Optax's, from numbers in the dtype of the parameters: in float32
1 - b2 is rounded after, not before the subtraction, and so 1e-5 off (relatively) from Optax's when
that gets Python's 0.999.
"""

from fnn.optimizers.foreign import OptaxTransformation, as_optimizer
from fnn.optimizers.optimizer import Optimizer, Rule
from fnn.optimizers.rules import SGD, AdaGrad, Adam, AdamW, Lion, RMSprop

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Lion",
    "OptaxTransformation",
    "Optimizer",
    "RMSprop",
    "Rule",
    "as_optimizer",
]
