"""What a search varies: values or ranges by name, and the run that a setting makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fnn.spec import SpecError, error_path, is_number, is_spec, with_fields
from fnn.sweeps.axes import SEEDS, SHARED, Axis, Range, Settings, Values, listed
from fnn.training.run import Run

Build = Callable[[Settings], Run]
Space = dict[str, Values]
SHARES = (0.0, 0.382, 1.0)
"""how far into a range values are tried out before a search begins"""


def builder(run: Run | Build) -> Build:
    """What makes a run of a setting: a function of one's own, or one that changes fields."""
    if not isinstance(run, Run):
        return run
    return lambda settings: with_fields(run, settings)


def as_space(run: Run | Build, over: Mapping[str, Axis]) -> Space:
    """The axes of a search, each tried out: its values, or some from its range, make a run.

    Raises `SpecError` with the axis for an empty one, a name that no field has (with the nearest),
    a value that the field may not hold, and a range of real numbers where structure is asked for.
    """
    if not over:
        raise SpecError('expected an axis, such as {"learning_rate": Range(1e-4, 1e-1)}', "over")
    space = {name: _axis(name, axis) for name, axis in over.items()}
    build = builder(run)
    middle = {name: some(axis)[len(some(axis)) // 2] for name, axis in space.items()}
    if isinstance(run, Run):
        _check_names(run, space)
    for name, axis in space.items():
        with error_path(f"over[{name!r}]"):
            for value in some(axis):
                build(middle | {name: value})
    return space


def some(axis: Values) -> list[object]:
    """All values of a choice; of a range some."""
    return [axis.at(share) for share in SHARES] if isinstance(axis, Range) else axis


def label(axis: list[object], value: object) -> str:
    """The name of a choice's value: its repr, if that stays the same; else its number."""
    if value is None or isinstance(value, bool | int | float | str | tuple) or is_spec(value):
        return repr(value)
    return next((f"#{index}" for index, known in enumerate(axis) if known is value), "")


def holds(axis: Values, value: object) -> bool:
    """Whether an axis has that value."""
    if not isinstance(axis, Range):
        return label(axis, value) in [label(axis, known) for known in axis]
    kind = int if axis.whole else int | float
    return isinstance(value, kind) and axis.low <= value <= axis.high


def as_text(axis: Values) -> str:
    """An axis as text."""
    if isinstance(axis, Range):
        return repr(axis)
    return ", ".join(label(axis, value) for value in axis)


def _axis(name: str, axis: Axis) -> Values:
    with error_path(f"over[{name!r}]"):
        if name in SEEDS:
            raise SpecError("a seed is luck, not a setting: give `seed` to the search")
        if name in SHARED:
            raise SpecError(f"can't be varied within a search: {SHARED[name]}")
        if isinstance(axis, Range):
            return axis
        values = listed(axis, "values or fnn.sweeps.Range(low, high)")
        _check_different([label(values, value) for value in values])
        return values


def _check_different(labels: Sequence[str]) -> None:
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise SpecError(f"holds {twice[0]} twice")


def _check_names(run: Run, space: Space) -> None:
    """Fields of those names are there, and a range of real numbers is for numbers alone."""
    chosen = {name: axis[0] for name, axis in space.items() if not isinstance(axis, Range)}
    with error_path("over"):
        run = with_fields(run, chosen)
    for name, axis in space.items():
        if isinstance(axis, Range) and not axis.whole and not is_number(run, name):
            with error_path(f"over[{name!r}]"):
                _refuse(run, name, axis)


def _refuse(run: Run, name: str, axis: Range) -> None:
    try:
        with_fields(run, {name: axis.low})
    except SpecError as error:
        if not error.path:  # there is no such field
            raise
    raise SpecError(
        "is structure (another value, another program), for which no real number can be drawn: "
        "give values, or Range(…, whole=True)"
    )
