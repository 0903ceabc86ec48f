"""What a field of a spec may hold: `number()`, `part()`, or a static value; and the checks."""

from __future__ import annotations

import dataclasses
import enum
import math
import numbers as abstract_numbers
import operator
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import jax
import jax.numpy as jnp
import numpy as np

from fnn.spec.errors import SpecError, choice, error_path

T = TypeVar("T")
Bounds: TypeAlias = Mapping[str, float | None]
"""`low` and `high`, which a value may be, and `below`, which it may not"""
Array: TypeAlias = np.ndarray | jax.Array
REQUIRED = dataclasses.MISSING


class Role(enum.Enum):
    """Numbers are leaves, parts are subtrees, statics belong to the treedef."""

    NUMBER = enum.auto()
    PART = enum.auto()
    STATIC = enum.auto()


def number(
    *,
    default: object = REQUIRED,
    low: float | None = None,
    high: float | None = None,
    below: float | None = None,
    kw_only: bool = False,
) -> Any:
    """A traced number: `low` ≤ value ≤ `high`, or value < `below`.

    `None`, where the annotation allows it, switches a feature off by structure. Where the
    annotation names a spec class (a schedule in place of a rate), that is accepted too.
    """
    bounds: Bounds = {"low": low, "high": high, "below": below}
    return _field(Role.NUMBER, default, kw_only, bounds)


def part(*, default: object = REQUIRED, kw_only: bool = False) -> Any:
    """Another spec, a tuple of specs, or None. A string names a spec with all its defaults."""
    return _field(Role.PART, default, kw_only)


def static(
    *,
    default: object = REQUIRED,
    low: int | None = None,
    high: int | None = None,
    kw_only: bool = False,
) -> Any:
    """A value that changes the program: a width, a name. Bounds as in `number`."""
    return _field(Role.STATIC, default, kw_only, {"low": low, "high": high, "below": None})


def _field(role: Role, default: object, kw_only: bool, bounds: Bounds | None = None) -> object:
    metadata = {"role": role, "bounds": bounds or {}}
    return dataclasses.field(default=default, kw_only=kw_only, metadata=metadata)


def role(field: dataclasses.Field[T]) -> Role:
    """What a field was declared as; without a declaration it is static."""
    declared: Role = field.metadata.get("role", Role.STATIC)
    return declared


def check_number(value: object, hint: object, bounds: Bounds) -> float | Array | None:
    """A finite float (or an array of them, for a stack of specs) within its bounds.

    Tracers pass unchecked. Raises `SpecError` for anything else.
    """
    if value is None and _allows_none(hint):
        return None
    if isinstance(value, jax.core.Tracer):
        return value
    if isinstance(value, (np.ndarray, jax.Array)) and value.ndim:
        array = np.asarray(value)
        if not jnp.issubdtype(array.dtype, np.floating):
            raise SpecError(f"expected an array of floats, got one of {array.dtype}")
        _check_range(array, bounds)
        return value
    if isinstance(value, (np.ndarray, jax.Array)):
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, abstract_numbers.Real):
        raise SpecError(f"expected a number, got {describe(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    _check_range(np.asarray(number), bounds)
    return number


def _check_range(array: np.ndarray, bounds: Bounds) -> None:
    if not np.isfinite(array).all():
        raise SpecError(f"expected a finite number, got {_worst(array, np.isfinite(array))}")
    tests: tuple[tuple[str, str, Callable[[np.ndarray, float], np.ndarray]], ...] = (
        ("low", "at least", operator.ge),
        ("high", "at most", operator.le),
        ("below", "less than", operator.lt),
    )
    for name, words, holds in tests:
        bound = bounds.get(name)
        if bound is not None and not holds(array, bound).all():
            raise SpecError(f"expected {words} {bound}, got {_worst(array, holds(array, bound))}")


def _worst(array: np.ndarray, good: np.ndarray) -> float:
    worst: float = array[~np.asarray(good)].flat[0].item()
    return worst


def check_static(value: object, hint: object, bounds: Bounds) -> object:
    """`value` of the annotated type, as Python's own: no list, float, bool or NaN in disguise.

    Raises `SpecError` for another type, a value out of bounds, and what can't be hashed.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(value, np.generic):
        value = value.item()
    if origin in (Union, types.UnionType):
        return _check_union(value, arguments, bounds)
    if origin is Literal:
        if not any(type(value) is type(known) and value == known for known in arguments):
            if isinstance(value, str):
                raise SpecError(f"unknown name {value!r}{choice(value, map(str, arguments))}")
            raise SpecError(f"expected one of {arguments}, got {describe(value)}")
        return value
    if origin is tuple:
        return _check_tuple(value, arguments, bounds)
    if hint is int:
        return _check_int(value, bounds)
    expected = object if hint is Any else origin or hint
    if not (isinstance(expected, type) and isinstance(value, expected)):
        raise SpecError(f"expected {type_name(hint)}, got {describe(value)}")
    if isinstance(value, float):
        _check_range(np.asarray(value), bounds)
    return _check_hashable(value)


def _check_union(value: object, arguments: tuple[object, ...], bounds: Bounds) -> object:
    if value is None and types.NoneType in arguments:
        return None
    options = [option for option in arguments if option is not types.NoneType]
    for option in options[:-1]:
        try:
            return check_static(value, option, bounds)
        except SpecError:
            if type(value) is option:  # of this type, and yet not right
                raise
    return check_static(value, options[-1], bounds)


def _check_tuple(value: object, arguments: tuple[object, ...], bounds: Bounds) -> object:
    if not isinstance(value, tuple):
        tail = ": a list can change, so write a tuple" if isinstance(value, list) else ""
        raise SpecError(f"expected a tuple, got {describe(value)}{tail}")
    repeated = len(arguments) == 2 and arguments[1] is Ellipsis
    hints = (arguments[0],) * len(value) if repeated else arguments
    if len(hints) != len(value):
        raise SpecError(f"expected {len(hints)} values, got {len(value)}")
    checked = []
    for index, (item, hint) in enumerate(zip(value, hints, strict=True)):
        with error_path(f"[{index}]"):
            checked.append(check_static(item, hint, bounds))
    return tuple(checked)


def _check_int(value: object, bounds: Bounds) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"expected a whole number, got {describe(value)}")
    if not -(2**63) <= value < 2**63:
        raise SpecError(f"expected a whole number of 64 bits, got {describe(value)}")
    _check_range(np.asarray(value), bounds)
    return int(value)


def _check_hashable(value: T) -> T:
    if isinstance(value, types.LambdaType) and value.__name__ == "<lambda>":
        raise SpecError("a lambda equals no other and would recompile every call: name a function")
    try:
        hash(value)
    except TypeError:
        raise SpecError(f"expected a value that can't change, got {describe(value)}") from None
    return value


def _allows_none(hint: object) -> bool:
    return types.NoneType in get_args(hint)


def classes(hint: object) -> tuple[type, ...]:
    """The classes an annotation names: of `Layer | None`, `(Layer,)`."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return tuple(option for option in options if isinstance(option, type))


def type_name(hint: object) -> str:
    """An annotation as text."""
    return getattr(hint, "__name__", str(hint))


def describe(value: object) -> str:
    """A value with its type, short enough for one line, without its place in memory."""
    text = re.sub(r" at 0x[0-9a-f]+", "", " ".join(repr(value).split()))
    return f"{text if len(text) < 60 else text[:57] + '...'} ({type(value).__name__})"
