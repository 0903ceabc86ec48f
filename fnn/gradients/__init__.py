"""One gradient, three ways: by hand, by `jax.grad`, and by differences."""

from fnn.gradients import automatic, manual, numerical

METHODS = {"manual": manual.value_and_grad, "automatic": automatic.value_and_grad}

__all__ = ["METHODS", "automatic", "manual", "numerical"]
