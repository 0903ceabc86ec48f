"""What `fnn sweep` prints: what it will do, and what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.cli.options.axes import SEEDS, of_member, parse_all
from fnn.cli.output.run import plural, print_rows, print_where
from fnn.cli.test_protocol import Tested, headlines, mean_of

if TYPE_CHECKING:
    from fnn import sweeps
    from fnn.cli.commands.sweep import SweepCommand
    from fnn.cli.commands.train import TrainCommand
    from fnn.data import Prepared
    from fnn.sweeps import Member, Range, SettingResult

LINES = 12
"""settings that are printed; the others are in the table that is kept"""
SHOWN = 5
"""values of an axis that are printed; of more, the first and the last"""


def print_plan(options: SweepCommand, members: Sequence[Member], prepared: Prepared) -> None:
    """The rows, what is varied, and how many members and programs that makes."""
    from fnn.sweeps.checks import groups

    print_rows(prepared)
    for name, axis in parse_all(options.over).items():
        print(f"  {name}: {axis_told(axis)}")
    runs = len({id(member.run) for member in members})
    told = f"{len(members):,} {plural('member', len(members))}"
    if runs < len(members):
        told += f", {runs:,} {plural('setting', runs)} of {len(members) // runs} seeds"
    programs = len(groups(members))
    epochs = options.training.length(len(prepared.train.target))
    made = f"{programs} {plural('program', programs)}"
    print(f"{told}, {epochs:,} {plural('epoch', epochs)}, in {made}", flush=True)


def axis_told(axis: Sequence[Any] | Range) -> str:
    """The values of an axis, or the first and the last of many; or its range."""
    from fnn.figures.values import in_words
    from fnn.sweeps import Range

    if isinstance(axis, Range):
        scale = ", evenly in its logarithm" if axis.log else ""
        return f"{in_words(axis.low)} to {in_words(axis.high)}{scale}"
    between = " / " if any(isinstance(value, tuple) for value in axis) else ", "
    if len(axis) <= SHOWN:
        return between.join(map(in_words, axis))
    return f"{in_words(axis[0])} … {in_words(axis[-1])} ({len(axis)} values)"


def print_sweep(
    options: SweepCommand,
    made: sweeps.SweepResult,
    test: Tested | None,
    prepared: Prepared,
    size: int,
    began: float,
    folder: Path | None,
) -> None:
    """What it took, settings the best first, the best one's test metrics, and where things are."""
    _print_cost(made, size, options.resume is not None)
    if made.outcomes:
        _print_table(made)
    if test is not None and prepared.test is not None:
        _print_test(options, made, test, len(prepared.test.target))
    print_where(began, folder)
    if made.interrupted is not None:
        print(print_resume_hint(folder))


def print_resume_hint(folder: Path | None) -> str:
    """With what was interrupted."""
    from fnn.runs.kinds import going_on

    if folder is None:
        return "nothing was kept (--no-save)"
    command = going_on(folder)
    return "nothing was kept to go on by: begin anew" if command is None else f"go on: {command}"


def _print_cost(made: sweeps.SweepResult, size: int, resumed: bool) -> None:
    done = sum(outcome.status != "interrupted" for outcome in made.outcomes)
    if made.interrupted is not None:
        print(f"interrupted: {done:,} of {made.members:,} members have ended")
    if size == 0:
        return
    training = made.seconds - made.compile_seconds
    speed = ""
    if not resumed and made.interrupted is None:
        rate = len(made.outcomes) / training
        speed = f", {f'{rate:,.0f}' if rate > 100 else f'{rate:.3g}'} members a second"
    print(
        f"{training:.1f} s of training{speed}, after {made.compile_seconds:.1f} s of compiling; "
        f"up to {size:,} at a time, {100 * made.wasted:.0f} % of the epochs wasted"
    )


def _print_table(made: sweeps.SweepResult) -> None:
    """Settings, the best first."""
    settings = made.settings()
    rows = [_row(setting, made) for setting in settings[:LINES]]
    headings = list(rows[0])
    columns = [[name, *(row[name] for row in rows)] for name in headings]
    widths = [max(map(len, column)) for column in columns]
    for cells in zip(*columns, strict=True):
        print("  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))
    if len(settings) > LINES:
        print(f"… {len(settings) - LINES:,} more")


def _row(setting: SettingResult, made: sweeps.SweepResult) -> dict[str, str]:
    """The cells of a setting by their headings."""
    from fnn.figures.values import in_words
    from fnn.metrics import format_metric

    names = [name for name in made.names if name not in SEEDS]
    cells = {name: in_words(setting.settings.get(name)) for name in names}
    cells[_heading(made.metric)] = _number(setting.mean)
    several = len(made.outcomes) > len(made.settings())
    if several:
        interval = f"{format_metric(setting.low)} to {format_metric(setting.high)}"
        cells["95 % interval"] = interval if np.isfinite(setting.low) else "–"
    beside = f"validation_{headlines(made)[0]}"
    if beside in made.metric_names:
        cells[_heading(beside)] = _number(mean_of(setting.members, beside))
    if several:
        cells["seeds"] = str(len(setting.members))
    if any(outcome.status == "diverged" for outcome in made.outcomes):
        cells["diverged"] = str(setting.diverged)
    return cells


def _heading(metric: str) -> str:
    return metric.replace("_", " ")


def _number(value: float) -> str:
    from fnn.metrics import format_metric

    return format_metric(value) if np.isfinite(value) else "–"


def _print_test(options: SweepCommand, made: sweeps.SweepResult, test: Tested, rows: int) -> None:
    from fnn.figures.values import in_words
    from fnn.metrics import format_metric

    if test.setting.settings:
        best = ", ".join(f"{n} {in_words(v)}" for n, v in test.setting.settings.items())
        print(f"best setting: {best}")
    told = []
    for name in headlines(made):
        values = test.values[name]
        spread = f" ± {format_metric(float(values.std(ddof=1)))}" if len(values) > 1 else ""
        told.append(f"{name} {format_metric(float(values.mean()))}{spread}")
    kind = "mean ± standard deviation of " if len(next(iter(test.values.values()))) > 1 else ""
    print(f"test {', '.join(told)} ({kind}{test.words}; {rows:,} rows, measured once)")
    print(reproduce_command(options.single_run_options, test.setting))


def reproduce_command(alone: TrainCommand, setting: SettingResult) -> str:
    """The command that trains the best setting alone, with its first seed."""
    import dataclasses

    from fnn.cli.options.config_file import to_argv

    alone, rest = of_member(alone, setting.members[0].member)
    alone = dataclasses.replace(alone, machine=alone.machine.together)
    command = shlex.join(["fnn", "train", *to_argv(alone)])
    return f"again: {command}{_lacking(rest)}"


def _lacking(rest: Mapping[str, Any]) -> str:
    names = ", ".join(rest)
    return f" (but for {names}, which fnn train has no option for)" if rest else ""
