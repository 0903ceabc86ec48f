"""The evidence behind the gates: one compiled program a row, and the measure of its errors."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.gradients.numerical import directional_derivative
from fnn.spec import from_json, named_leaves, numbers, to_json
from tests.cases import Case, LayerCase, random_like

EPSILON = float(jnp.finfo(jnp.float64).eps)
TERMS = 256
"""roundings that a leaf may have gathered, in units of its accumulation floor"""


@dataclass
class Evidence:
    """What one row gave in float64, for a random cotangent."""

    case: Case
    y: Any
    manual: dict[str, np.ndarray]
    automatic: dict[str, np.ndarray]
    numerical: dict[str, np.ndarray]
    """by leaf, along `direction`"""
    members: Any
    """(y, gradients) of two members under vmap"""
    loop: Any
    """the same, one after another"""
    examples: Any
    """vmap over single examples, where rows do not depend on each other"""
    traces: int
    """after calls with an equal spec from JSON and with other numbers"""


def gather(case: Case) -> Evidence:
    """Everything the gates ask of a row, from one compiled program."""
    traces = 0
    inputs = case.inputs(jnp.float64)
    other = random_like(inputs, 11)
    if "probability" in case.spec.kind:
        other = jax.tree.map(lambda x: 0.05 + 0.9 * np.square(np.sin(x)), other)
    members = jax.tree.map(lambda *leaves: np.stack(leaves), inputs, other)

    @jax.jit
    def run(spec: Any, inputs: Any, members: Any) -> Any:
        nonlocal traces
        traces += 1
        y, pull = jax.vjp(lambda *inputs: case.forward(spec, *inputs), *inputs)
        once = functools.partial(forward_and_backward, case, spec)
        loop = jax.lax.map(lambda member: once(*member), members)
        examples = None
        if isinstance(case, LayerCase) and case.per_example:
            examples = jax.vmap(lambda x: case.forward(spec, inputs[0], x))(inputs[1])
        automatic = pull(cotangent(y))
        numerical = slopes(case, spec, inputs)
        return y, loop, jax.vmap(once)(*members), automatic, numerical, examples

    y, loop, together, automatic, numerical, examples = jax.device_get(
        run(numbers(case.spec), inputs, members)
    )
    again = from_json(to_json(case.spec))
    for spec in (again, jax.tree.map(lambda leaf: 0.9 * leaf, again)):
        run(numbers(spec), inputs, members)
    _, manual = jax.tree.map(lambda leaf: leaf[0], loop)
    manual, automatic = (without_integers(named_leaves(grads)) for grads in (manual, automatic))
    return Evidence(case, y, manual, automatic, numerical, together, loop, examples, traces)


def forward_and_backward(case: Case, spec: Any, params: Any, x: Any) -> tuple[Any, Any]:
    y = case.forward(spec, params, x)
    return y, case.backward(spec, params, x, cotangent(y))


def cotangent(y: Any) -> Any:
    """Random, never ones: ones lie in the null space of normalization and softmax."""
    return random_like(y, 9)


def direction(leaf: Any) -> np.ndarray:
    """The direction in which a leaf is moved for its numerical derivative."""
    return random_like(leaf, 5)


def slopes(case: Case, spec: Any, inputs: Any) -> dict[str, jax.Array]:
    """The numerical derivative along one direction in each floating-point leaf."""
    leaves = named_leaves(inputs)
    structure = jax.tree.structure(inputs)
    floats = {k: v for k, v in leaves.items() if jnp.issubdtype(v.dtype, jnp.floating)}
    zeros = jax.tree.map(jnp.zeros_like, floats)
    moves = [{**zeros, path: direction(leaf)} for path, leaf in floats.items()]

    def value(floats: dict[str, Any]) -> jax.Array:
        y = case.forward(spec, *jax.tree.unflatten(structure, {**leaves, **floats}.values()))
        return (y * cotangent(y)).sum()

    along = functools.partial(directional_derivative, value, floats, step=1e-4)
    found = jax.vmap(along)(jax.tree.map(lambda *rows: jnp.stack(rows), *moves)) if moves else []
    return dict(zip(floats, found, strict=True))


def without_integers(leaves: dict[str, Any]) -> dict[str, Any]:
    """JAX gives float0 for integer inputs, the layers None."""
    return {path: leaf for path, leaf in leaves.items() if leaf.dtype != jax.dtypes.float0}


def worst(manual: dict[str, Any], automatic: dict[str, Any]) -> tuple[float, str]:
    """The largest error in units of what rounding allows (above 1 is wrong), and its leaf.

    The accumulation floor of a leaf is eps times the largest term that may have entered it. Terms
    are not seen from outside, so the largest element of all leaves stands for them, a tenth of it
    at the most: a leaf that is zero by structure (a bias in front of BatchNorm) sums terms of that
    size to nothing.
    """
    assert manual.keys() == automatic.keys()
    largest = max((np.abs(leaf).max(initial=0) for leaf in automatic.values()), default=0)
    errors = {"": 0.0}
    for path, leaf in automatic.items():
        floor = EPSILON * max(np.abs(leaf).max(initial=0), 0.1 * largest)
        error = np.abs(manual[path] - leaf).max(initial=0)
        errors[path] = error / (TERMS * floor) if error else 0.0
    path = max(errors, key=errors.__getitem__)
    return errors[path], path
