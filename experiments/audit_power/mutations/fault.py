"""A mistake that people make in a backward pass, and the places where it can be made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.inject import (
    FaultyBackward,
    FaultyObjective,
    correct_cotangent,
    inject_fault,
    one_level,
)
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import Layer, PyTree
from fnn.objective import Batch, Objective
from fnn.shapes import shape_of
from fnn.spec import join, path_name

INPUT = ("input",)
ANY: tuple[str, ...] = ()
"""accepted leaves where a mistake spoils several at once"""


Expectation = Mistake | Diagnosis
"""a kind of mistake; or a diagnosis, whose fields that are set must be found"""
SHARES = (Mistake.DIVIDED_AGAIN, Mistake.HALF, Mistake.FACTOR)
"""divided by the number of branches, members or applications"""


class Site(NamedTuple):
    """A node of an objective where a mistake may be planted, and what it meets there."""

    path: str
    """`net.layers[2]`, `loss`, `penalties[0]`; the objective itself is the empty path"""
    node: Any
    shape: PyTree
    """of a layer's input, or of the network's output; without the batch axis"""
    batch: Batch


@dataclass(frozen=True)
class Fault:
    """One mistake: where it can be planted, and what an audit should say about it."""

    name: str
    words: str
    """the mistake, told in a line"""
    family: tuple[type, ...]
    """the classes of layer, loss, penalty or objective that it is made in"""
    faulty_backward: FaultyBackward = field(repr=False)
    leaves: tuple[str, ...]
    """the leaves that may be named as wrong, `ANY` for all"""
    diagnosis: tuple[Expectation, ...]
    """a diagnosis must match one of these"""
    fits: Callable[[Site], bool] = field(repr=False)
    """whether it makes a difference at a place"""

    @property
    def subject(self) -> str:
        """What the mistake is made in: `dense`, `losses`, …"""
        return self.faulty_backward.__module__.rpartition(".")[2]

    def sites(self, objective: Objective, batch: Batch) -> list[str]:
        """The paths at which the mistake can be made in an objective, for such a batch."""
        with jax.enable_x64(True):
            return [
                site.path
                for site in walk(objective, batch)
                if isinstance(site.node, self.family) and self.fits(site)
            ]

    def inject(self, objective: Objective, path: str) -> Objective:
        """The objective with the mistake at that path and everything else as it was."""
        result = exchange(objective, path, lambda node: inject_fault(node, self.faulty_backward))
        faulty = result if path == "" else FaultyObjective(result, correct_cotangent)
        return cast(Objective, faulty)

    def names(self, path: str, found_path: str, found_leaf: str) -> bool:
        """Whether a finding points at the mistake that was planted at `path`."""
        if found_path != (path or "objective"):
            return False
        tails = tuple(f".{leaf}" for leaf in self.leaves)
        return not self.leaves or found_leaf in self.leaves or found_leaf.endswith(tails)

    def is_diagnosed(self, actual: Diagnosis | None) -> bool:
        """Whether a diagnosis is of the kind of this mistake."""
        return actual is not None and any(matches(expected, actual) for expected in self.diagnosis)


def fault(
    *family: type,
    leaf: str | tuple[str, ...],
    diagnosis: Expectation | tuple[Expectation, ...],
    fits: Callable[[Site], bool] = lambda site: True,
) -> Callable[[FaultyBackward], Fault]:
    """Make a wrong backward pass a `Fault`, named as the function is and told by its docstring."""

    def decorate(wrong: FaultyBackward) -> Fault:
        leaves = (leaf,) if isinstance(leaf, str) else leaf
        expected = diagnosis if isinstance(diagnosis, tuple) else (diagnosis,)
        words = " ".join((wrong.__doc__ or "").split())
        name = wrong.__name__.replace("_", " ")
        return Fault(name, words, family, wrong, leaves, expected, fits)

    return decorate


def matches(expected: Expectation, actual: Diagnosis) -> bool:
    """Whether a diagnosis is of a kind and has the details that are expected."""
    if isinstance(expected, Mistake):
        return actual.kind is expected
    details = [
        (getattr(expected, entry.name), getattr(actual, entry.name))
        for entry in fields(Diagnosis)
        if getattr(expected, entry.name) != entry.default
    ]
    return all(
        math.isclose(wanted, value, rel_tol=1e-9) if isinstance(value, float) else wanted == value
        for wanted, value in details
    )


def walk(objective: Objective, batch: Batch) -> Iterator[Site]:
    """The objective, its loss, its penalties and all its layers."""
    in_shape = objective.policy.cast_shape(shape_of(batch.x))
    out_shape = objective.net.out_shape(in_shape)
    yield Site("", objective, out_shape, batch)
    yield Site("loss", objective.loss, out_shape, batch)
    for index, penalty in enumerate(objective.penalties):
        yield Site(f"penalties[{index}]", penalty, out_shape, batch)
    yield from _layers("net", objective.net, in_shape, batch)


def _layers(path: str, layer: Layer, in_shape: PyTree, batch: Batch) -> Iterator[Site]:
    yield Site(path, layer, in_shape, batch)
    for child in layer.children(in_shape):
        yield from _layers(join(path, child.path), child.layer, child.in_shape, batch)


def exchange(tree: Any, path: str, change: Callable[[Any], Any]) -> Any:
    """The pytree with one node changed, the one at a path such as `net.layers[2]`."""
    if not path:
        return change(tree)
    children, structure = one_level(tree)
    exchanged, actual = [], False
    for key, child in children:
        name = path_name((key,))
        rest = path.removeprefix(name)
        if rest != path and rest[:1] in ("", ".", "["):
            child, actual = exchange(child, rest.removeprefix("."), change), True
        exchanged.append(child)
    if not actual:
        raise KeyError(path)
    return structure.unflatten(exchanged)


def floats(site: Site) -> bool:
    """The input has a gradient: it is no array of class numbers."""
    return bool(jnp.issubdtype(site.shape.dtype, jnp.floating))


def square(site: Site) -> bool:
    """As many features come out as go in, so that a matrix and its transpose both fit."""
    return bool(site.node.out_shape(site.shape).shape == site.shape.shape)
