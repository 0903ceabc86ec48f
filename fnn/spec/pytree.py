"""A spec as a node of a pytree: its children, its treedef, and equality by both."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable

import jax
import numpy as np

from fnn.spec.fields import Role, role
from fnn.spec.kinds import AnySpec


def register_node(cls: type[AnySpec]) -> None:
    """Tell JAX how to flatten and unflatten a class of specs."""
    jax.tree_util.register_pytree_with_keys(
        cls, _flatten_with_keys, functools.partial(_unflatten, cls), _flatten
    )


@functools.cache
def _names(cls: type[AnySpec]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields that are children of the pytree node, and those of its treedef."""
    fields = dataclasses.fields(cls)
    children = tuple(field.name for field in fields if role(field) is not Role.STATIC)
    return children, tuple(field.name for field in fields if role(field) is Role.STATIC)


def _flatten(self: AnySpec) -> tuple[tuple[object, ...], tuple[object, ...]]:
    children, statics = _names(self.__class__)
    return tuple(getattr(self, name) for name in children), tuple(
        getattr(self, name) for name in statics
    )


def _flatten_with_keys(
    self: AnySpec,
) -> tuple[tuple[tuple[jax.tree_util.GetAttrKey, object], ...], tuple[object, ...]]:
    children, statics = _flatten(self)
    names = _names(self.__class__)[0]
    keys = (jax.tree_util.GetAttrKey(name) for name in names)
    return tuple(zip(keys, children, strict=True)), statics


def _unflatten(
    cls: type[AnySpec], statics: tuple[object, ...], children: Iterable[object]
) -> AnySpec:
    instance: AnySpec = object.__new__(cls)
    child_names, static_names = _names(cls)
    for name, value in zip(child_names, children, strict=True):
        object.__setattr__(instance, name, value)
    for name, value in zip(static_names, statics, strict=True):
        object.__setattr__(instance, name, value)
    return instance


def equal(self: AnySpec, other: object) -> bool:
    """The same structure, and the same numbers as leaves."""
    if type(self) is not type(other):
        return NotImplemented
    structures: list[object] = [jax.tree.structure(self), jax.tree.structure(other)]
    if structures[0] != structures[1]:
        return False
    return all(map(np.array_equal, jax.tree.leaves(self), jax.tree.leaves(other)))


def hash_structure(self: AnySpec) -> int:
    """The hash of the treedef; the numbers have no part in it."""
    return hash(jax.tree.structure(self))
