"""The members of `fnn sweep`, from its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fnn.cli.options.axes import SEEDS, build_run, parse_all
from fnn.cli.options.option import option_errors
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.cli.commands.sweep import SweepCommand
    from fnn.data import Prepared
    from fnn.sweeps import Member, Range

    Axes = Mapping[str, Sequence[Any] | Range]


def planned(options: SweepCommand, prepared: Prepared) -> list[Member]:
    """Every setting with every seed. Raises `FnnError` for axes that make none, and for runs."""
    varied = {name: f"--over {name}" for name in parse_all(options.over)}
    with option_errors(options.training, **varied):
        return _planned(options, prepared)


def _planned(options: SweepCommand, prepared: Prepared) -> list[Member]:
    from fnn.sweeps import Member
    from fnn.training.checks import check_seeds

    runs: dict[str, Any] = {}
    members = []
    for settings in _with_seeds(options, _settings(options)):
        seed = settings.get("seed", options.training.seed)
        shared = seed if options.own_order else options.training.order_seed
        order_seed = settings.get("order_seed", shared)
        check_seeds(seed=seed, order_seed=order_seed)
        varied = {name: value for name, value in settings.items() if name not in SEEDS}
        if repr(varied) not in runs:
            runs[repr(varied)] = build_run(options.single_run_options, prepared, varied)
        members.append(Member(settings, runs[repr(varied)], seed, order_seed))
    return members


def _settings(options: SweepCommand) -> list[dict[str, Any]]:
    """What the axes make, each setting once."""
    from fnn.sweeps.axes import combine

    axes = parse_all(options.over)
    _check(options, axes)
    if not axes:
        return [{}]
    how: Any = "random" if options.random else "zip" if options.zip else "grid"
    made = combine(axes, how, draws=options.random, seed=options.training.seed)
    return list({repr(settings): settings for settings in made}.values())


def _with_seeds(options: SweepCommand, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if options.seeds == 1:
        return made
    first = options.training.seed
    seeds = range(first, first + options.seeds)
    return [{**settings, "seed": seed} for settings in made for seed in seeds]


def _check(options: SweepCommand, axes: Axes) -> None:
    from fnn.sweeps import Range

    if not axes and options.seeds == 1:
        example = "such as --over learning_rate=1e-4:1e-1:log:16, or --seeds 8"
        raise FnnError(f"expected what is to be varied, {example}", "--over")
    if options.seeds > 1 and "seed" in axes:
        raise FnnError("stands beside --over seed, which says which", "--seeds")
    for name, axis in axes.items():
        if isinstance(axis, Range):
            if options.random is None:
                low, high = f"{axis.low:g}", f"{axis.high:g}"
                scale = ":log" if axis.log else ""
                raise FnnError(
                    f"a range to draw from: say --random 32, or how many values to take from it, "
                    f"{name}={low}:{high}{scale}:8",
                    f"--over {name}",
                )
        elif len(set(map(repr, axis))) < len(axis):
            raise FnnError("a value is given twice", f"--over {name}")
