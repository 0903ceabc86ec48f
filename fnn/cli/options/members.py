"""The members of a sweep, from its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fnn.cli.options.axes import SEEDS, parse_all
from fnn.cli.options.option import option_errors
from fnn.cli.options.single_run import SingleRunOptions
from fnn.cli.options.varied_run import build_run
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.cli.options.axes import Axis
    from fnn.data import Prepared
    from fnn.sweeps import Member
    from fnn.training import Run


@dataclass(frozen=True)
class Axes:
    """What a sweep varies, and how: `--over`, `--seeds`, `--random`, `--zip`, `--own-order`."""

    over: Sequence[str]
    seeds: int
    draws: int | None
    zip: bool
    own_order: bool

    @property
    def strategy(self) -> Literal["grid", "zip", "random"]:
        """How the axes are combined."""
        return "random" if self.draws else "zip" if self.zip else "grid"


def plan_members(axes: Axes, options: SingleRunOptions, prepared: Prepared) -> list[Member]:
    """Every setting with every seed. Raises `FnnError` for axes that make none, and for runs."""
    varied = {name: f"--over {name}" for name in parse_all(axes.over)}
    with option_errors(options.training, **varied):
        return _members(axes, options, prepared)


def _members(axes: Axes, options: SingleRunOptions, prepared: Prepared) -> list[Member]:
    from fnn.sweeps import Member
    from fnn.training.checks import check_seeds

    runs: dict[str, Run] = {}
    members = []
    for settings in _with_seeds(axes, options.training.seed, _settings(axes, options)):
        seed = settings.get("seed", options.training.seed)
        shared = seed if axes.own_order else options.training.order_seed
        order_seed = settings.get("order_seed", shared)
        check_seeds(seed=seed, order_seed=order_seed)
        varied = {name: value for name, value in settings.items() if name not in SEEDS}
        if repr(varied) not in runs:
            runs[repr(varied)] = build_run(options, prepared, varied)
        members.append(Member(settings, runs[repr(varied)], seed, order_seed))
    return members


def _settings(axes: Axes, options: SingleRunOptions) -> list[dict[str, Any]]:
    """The settings that the axes make, each once."""
    from fnn.sweeps.axes import combine

    over = parse_all(axes.over)
    _check(axes, over)
    if not over:
        return [{}]
    combined = combine(over, axes.strategy, draws=axes.draws, seed=options.training.seed)
    return list({repr(settings): settings for settings in combined}.values())


def _with_seeds(axes: Axes, first: int, settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if axes.seeds == 1:
        return settings
    seeds = range(first, first + axes.seeds)
    return [{**setting, "seed": seed} for setting in settings for seed in seeds]


def _check(axes: Axes, over: Mapping[str, Axis]) -> None:
    from fnn.sweeps import Range

    if not over and axes.seeds == 1:
        example = "such as --over learning_rate=1e-4:1e-1:log:16, or --seeds 8"
        raise FnnError(f"expected what is to be varied, {example}", "--over")
    if axes.seeds > 1 and "seed" in over:
        raise FnnError("stands beside --over seed, which says which", "--seeds")
    for name, axis in over.items():
        if isinstance(axis, Range):
            if axes.draws is None:
                low, high = f"{axis.low:g}", f"{axis.high:g}"
                scale = ":log" if axis.log else ""
                raise FnnError(
                    f"a range to draw from: say --random 32, or how many values to take from it, "
                    f"{name}={low}:{high}{scale}:8",
                    f"--over {name}",
                )
        elif len(set(map(repr, axis))) < len(axis):
            raise FnnError("a value is given twice", f"--over {name}")
