"""Layers as their own modules give them: what a new layer is covered by without an edit here."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from experiments.audit_power.coverage.describe import kind_name
from fnn.layer import Example, Layer
from fnn.layers import Activation
from fnn.shapes import shape
from fnn.spec import SpecError, examples
from fnn.spec.errors import ShapeError

Axes = tuple[int, ...]


def layer_examples() -> list[Example]:
    """Examples in training mode of every layer but activations, which are a factor of their own.

    Combinators have a room of their own, and are combined with all of these.
    """
    return [
        example
        for example in examples(Example)
        if example.train
        and type(example.spec).__module__.startswith("fnn.layers.")
        and not isinstance(example.spec, Activation)
    ]


def covered_examples() -> dict[str, Example]:
    """Of each kind the first example, and each further one with parameters of other names."""
    result: dict[str, Example] = {}
    seen: set[tuple[str, ...]] = set()
    for example in layer_examples():
        kind = kind_name(example.spec)
        signature = (kind, *sorted(params_of(example)))
        if signature not in seen:
            result[f"{kind}, {example.name}" if kind in result else kind] = example
        seen.add(signature)
    return result


def params_of(example: Example) -> dict[str, object]:
    """The shapes of an example's parameters by name."""
    return jax.eval_shape(lambda: example.spec.init(jax.random.key(0), example.in_shape)[0])


def takes_integers(example: Example) -> bool:
    """Whether its input is an array of class numbers."""
    return not jnp.issubdtype(example.in_shape.dtype, jnp.floating)


def axes_behind(layer: Layer, axes: Axes) -> Axes | None:
    """The axes behind a layer; None where it does not take an input of those in front."""
    try:
        return tuple(layer.out_shape(shape(*axes)).shape)
    except (ShapeError, SpecError):
        return None


def fitting_examples(axes: Axes) -> Iterator[Layer]:
    """Layers that take an input of those axes and keep them."""
    for example in layer_examples():
        if not takes_integers(example) and axes_behind(example.spec, axes) == axes:
            yield example.spec


def with_example(draw: np.random.Generator, layers: list[Layer], axes: Axes) -> list[Layer]:
    """The layers with one more in a random place: of a kind's examples, one that fits there."""
    place = int(draw.integers(len(layers) + 1))
    for layer in layers[:place]:
        axes = tuple(layer.out_shape(shape(*axes)).shape)
    kinds: dict[str, list[Layer]] = {}
    for layer in fitting_examples(axes):
        kinds.setdefault(kind_name(layer), []).append(layer)
    if not kinds:
        return layers
    of_kind = kinds[sorted(kinds)[int(draw.integers(len(kinds)))]]
    return [*layers[:place], of_kind[int(draw.integers(len(of_kind)))], *layers[place:]]
