"""An Optax transformation of the user, and what is accepted as an optimizer."""

from __future__ import annotations

import optax

from fnn.optimizers.optimizer import Optimizer, Rule, preserve_dtypes
from fnn.spec import SpecError, from_name, is_spec, spec, static


@spec("optax_transformation.v1")
class OptaxTransformation(Optimizer):
    """An Optax transformation of the user, taken as it is: learning rate, sign and all.

    It is compared by the identity of its functions, and its numbers are constants of the program:
    a new object is a new program, a sweep over its numbers compiles once a member. JSON can't
    hold it.
    """

    wrapped: optax.GradientTransformation = static()

    def transformation(self) -> optax.GradientTransformationExtraArgs:
        return preserve_dtypes(lambda _: self.wrapped)


def as_optimizer(value: object) -> Optimizer:
    """An optimizer from a spec, a name with all its defaults (`"adam"`), or an Optax object.

    Raises `SpecError` for anything else, with the nearest known name.
    """
    if isinstance(value, str):
        rule: Rule = from_name(value, Rule)
        return rule
    if isinstance(value, optax.GradientTransformation):
        return OptaxTransformation(value)
    if isinstance(value, Optimizer) and is_spec(value):
        return value
    got = f"the class: write {value.__name__}(…)" if isinstance(value, type) else repr(value)
    raise SpecError(f"expected an optimizer, its name or an Optax transformation, got {got}")
