"""Diagnosers by the class of layer, loss or penalty that they know.

A new layer's diagnoser is a function in a file of `families/`:

    @diagnoses(Conv)
    def kernel(leaf: WrongLeaf) -> Diagnosis | None:
        ...

It is asked about wrong gradients of that class and of classes derived from it, the most derived
class's diagnosers first; those of `Layer` are asked about every layer, a user's own too. Those of
one class must exclude each other, because the first that answers is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis

Diagnoser = Callable[[WrongLeaf], Diagnosis | None]
SpecT = TypeVar("SpecT")
_DIAGNOSERS: dict[type, list[Diagnoser]] = {}
_SIZES: dict[type, Callable[[object], dict[str, float]]] = {}


def diagnoses(*families: type) -> Callable[[Diagnoser], Diagnoser]:
    """Register a diagnoser of these classes."""

    def register(diagnoser: Diagnoser) -> Diagnoser:
        for family in families:
            _DIAGNOSERS.setdefault(family, []).append(diagnoser)
        return diagnoser

    return register


def has_sizes(
    family: type[SpecT],
) -> Callable[[Callable[[SpecT], dict[str, float]]], Callable[[SpecT], dict[str, float]]]:
    """Register the sizes of a class that people divide by once too often, or forget to."""

    def register(sizes: Callable[[SpecT], dict[str, float]]) -> Callable[[SpecT], dict[str, float]]:
        _SIZES[family] = sizes  # type: ignore[assignment]
        return sizes

    return register


def diagnosers_of(spec: object) -> Iterator[Diagnoser]:
    """The diagnosers of a spec's class and of its bases, the most derived first."""
    for cls in type(spec).__mro__:
        yield from _DIAGNOSERS.get(cls, ())


def sizes_of(spec: object) -> dict[str, float]:
    """The sizes registered for a spec's class, by what they are."""
    sizes: dict[str, float] = {}
    for cls in type(spec).__mro__:
        if cls in _SIZES:
            sizes |= _SIZES[cls](spec)
    return sizes
