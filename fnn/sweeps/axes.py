"""What a sweep varies: axes, and the members that they make."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from fnn.spec import SpecError, error_path, is_number, is_spec, with_fields
from fnn.training.checks import check_counts, check_seeds
from fnn.training.run import Run

Strategy = Literal["grid", "zip", "random"]
SEEDS = ("seed", "order_seed")
SHARED = {
    "split_seed": "all members share the rows: prepare the data once for each split",
    "epochs": "all members run for as many: a selection with patience ends some of them earlier",
}
"""what can't be an axis, and why"""


Settings = dict[str, Any]
"""what is varied, by name"""


class Member(NamedTuple):
    """One run of a sweep: what is varied, by the names of the axes, and the run that it makes."""

    settings: Settings
    run: Run
    seed: int
    order_seed: int


@dataclass(frozen=True)
class Range:
    """A number to be drawn: evenly, or its logarithm evenly (`log`); a whole one (`whole`).

    `high` may be drawn too, as far as rounding goes.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise SpecError(f"expected low < high, both finite, got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise SpecError(f"expected low > 0 for a log scale, got {self.low}")
        if self.whole and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise SpecError(f"expected whole numbers, got {self.low} and {self.high}")

    def at(self, share: float) -> float | int:
        """The number that far (0 to 1) from low to high."""
        if self.whole:
            number = self._real(share, self.low - 0.5, self.high + 0.5)
            return round(min(max(number, self.low), self.high))
        return self._real(share, self.low, self.high)

    def _real(self, share: float, low: float, high: float) -> float:
        if not self.log:
            return float(low + share * (high - low))
        return float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))

    def grid(self, count: int) -> list[float | int]:
        """So many numbers from low to high, both ends included, evenly on the scale."""
        scale = np.geomspace if self.log else np.linspace
        values = scale(self.low, self.high, count).tolist()
        return [round(value) if self.whole else value for value in values]


Axis = Iterable[object] | Range
Values = list[Any] | Range
"""an axis, its values listed"""


def members(
    run: Run,
    over: Mapping[str, Axis],
    how: Strategy = "grid",
    *,
    draws: int | None = None,
    seed: int = 0,
    order_seed: int = 0,
    own_order: bool = False,
) -> list[Member]:
    """The members of a sweep over `run`; arguments and errors as in `fnn.sweep`."""
    return [
        _member(run, settings, seed=seed, order_seed=order_seed, own_order=own_order)
        for settings in combine(over, how, draws=draws, seed=seed)
    ]


def combine(
    over: Mapping[str, Axis], how: Strategy = "grid", *, draws: int | None = None, seed: int = 0
) -> list[Settings]:
    """The settings that axes make; arguments and errors as in `fnn.sweep`."""
    if how not in ("grid", "zip", "random"):
        raise SpecError(f"expected 'grid', 'zip' or 'random', got {how!r}", "how")
    if (how == "random") != (draws is not None):
        raise SpecError("a number of draws goes with how='random', and with no other", "draws")
    axes = {name: _values(name, axis, how) for name, axis in over.items()}
    if not axes:
        raise SpecError('expected an axis, such as {"learning_rate": [0.1, 0.01]}', "over")
    return _combined(axes, how, draws, seed)


def _values(name: str, axis: Axis, how: Strategy) -> Values:
    """What an axis may be: the values in it, or what they are drawn from."""
    with error_path(f"over[{name!r}]"):
        if name in SHARED:
            raise SpecError(f"can't be varied within a sweep: {SHARED[name]}")
        if isinstance(axis, Range):
            if how != "random":
                raise SpecError("is to be drawn: say how='random', or give values (.grid(8))")
            return axis
        return listed(axis, "values, such as a list")


def listed(axis: object, expected: str) -> list[Any]:
    """The values of an axis. Raises `SpecError` for what holds none, saying what is expected."""
    if isinstance(axis, str | bytes | Mapping) or not isinstance(axis, Iterable):
        raise SpecError(f"expected {expected}, got {type(axis).__name__} {axis!r}")
    values = axis.tolist() if hasattr(axis, "tolist") else [*axis]
    if not values:
        raise SpecError("expected at least one value, got none")
    return values


def _combined(
    axes: Mapping[str, Any], how: Strategy, draws: int | None, seed: int
) -> list[Settings]:
    if how == "zip":
        lengths = {name: len(values) for name, values in axes.items()}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise SpecError(f"zipped axes need as many values each: {counts}", "over")
        return [dict(zip(axes, values, strict=True)) for values in zip(*axes.values(), strict=True)]
    crossed = {name: values for name, values in axes.items() if how == "grid" or name in SEEDS}
    drawn = draw({name: axes[name] for name in axes if name not in crossed}, draws, seed)
    grid = itertools.product(*crossed.values())
    return [
        settings | dict(zip(crossed, values, strict=True))
        for settings, values in itertools.product(drawn, grid)
    ]


def draw(axes: Mapping[str, Values], draws: int | None, seed: int) -> list[Settings]:
    """Random settings; the seeds' axes are crossed with them."""
    if draws is None:
        return [{}]
    check_counts(1, draws=draws)
    if not axes:
        raise SpecError("expected an axis to draw from, got seeds alone", "over")
    generator = np.random.default_rng([seed, 3])
    return [
        {
            name: axis.at(generator.random())
            if isinstance(axis, Range)
            else axis[generator.integers(len(axis))]
            for name, axis in axes.items()
        }
        for _ in range(draws)
    ]


def _member(run: Run, settings: Settings, *, seed: int, order_seed: int, own_order: bool) -> Member:
    """A run of its own; an error names the settings' place in it."""
    seed = settings.get("seed", seed)
    order_seed = settings.get("order_seed", seed if own_order else order_seed)
    with error_path("over"):
        check_seeds(seed=seed, order_seed=order_seed)
    changed = {name: value for name, value in settings.items() if name not in SEEDS}
    varied_run = with_fields(run, changed)
    for name, value in changed.items():
        if is_number(varied_run, name) and np.ndim(value) and not is_spec(value):
            location = f"over[{name!r}]"
            raise SpecError(f"expected one number for each member, got {value!r}", location)
    return Member(settings, varied_run, int(seed), int(order_seed))


def varied(members: Sequence[Member]) -> list[str]:
    """The names that are set in any of them, in order."""
    return list(dict.fromkeys(name for member in members for name in member.settings))
