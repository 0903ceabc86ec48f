"""What `fnn sweep` prints: its plan, and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fnn.cli.output.run import plural, print_rows, print_where

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.sweeps import Member, Range, SettingResult, SweepResult
    from fnn.sweeps.test_protocol import MeasuredSetting

LINES = 12
"""settings that are printed; the others are in the table that is kept"""
SHOWN = 5
"""values of an axis that are printed; of more, the first and the last"""


def print_plan(
    axes: Mapping[str, Sequence[object] | Range],
    members: Sequence[Member],
    prepared: Prepared,
    epochs: int,
) -> None:
    """The rows, what is varied, and how many members and programs that makes."""
    from fnn.sweeps.checks import groups

    print_rows(prepared)
    print_axes(axes)
    runs = len({id(member.run) for member in members})
    plan = f"{len(members):,} {plural('member', len(members))}"
    if runs < len(members):
        plan += f", {runs:,} {plural('setting', runs)} of {len(members) // runs} seeds"
    programs = len(groups(members))
    count = f"{programs} {plural('program', programs)}"
    print(f"{plan}, {epochs:,} {plural('epoch', epochs)}, in {count}", flush=True)


def print_axes(axes: Mapping[str, Sequence[object] | Range]) -> None:
    """What is varied."""
    for name, axis in axes.items():
        print(f"  {name}: {_axis_text(axis)}")


def _axis_text(axis: Sequence[object] | Range) -> str:
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


def print_sweep(result: SweepResult, size: int, resumed: bool) -> None:
    """What it took, up to `size` members at a time, and settings, the best first."""
    _print_cost(result, size, resumed)
    if result.outcomes:
        _print_table(result)


def print_end(started: float, folder: Path | None, interrupted: bool) -> None:
    """What it took in all, what the folder holds, and how to resume what was interrupted."""
    print_where(started, folder)
    if interrupted:
        print(_resume_hint(folder))


def _resume_hint(folder: Path | None) -> str:
    from fnn.runs.kinds import resume_command

    if folder is None:
        return "nothing was kept (--no-save)"
    command = resume_command(folder)
    return "nothing was kept to go on by: begin anew" if command is None else f"go on: {command}"


def _print_cost(result: SweepResult, size: int, resumed: bool) -> None:
    done = sum(outcome.status != "interrupted" for outcome in result.outcomes)
    if result.interrupted is not None:
        print(f"interrupted: {done:,} of {result.members:,} members have ended")
    if size == 0:
        return
    training = result.seconds - result.compile_seconds
    speed = ""
    if not resumed and result.interrupted is None:
        rate = len(result.outcomes) / training
        speed = f", {f'{rate:,.0f}' if rate > 100 else f'{rate:.3g}'} members a second"
    print(
        f"{training:.1f} s of training{speed}, after {result.compile_seconds:.1f} s of compiling; "
        f"up to {size:,} at a time, {100 * result.wasted:.0f} % of the epochs wasted"
    )


def _print_table(result: SweepResult) -> None:
    """Settings, the best first."""
    settings = result.settings()
    rows = [_row(setting, result) for setting in settings[:LINES]]
    headings = list(rows[0])
    columns = [[name, *(row[name] for row in rows)] for name in headings]
    widths = [max(map(len, column)) for column in columns]
    for cells in zip(*columns, strict=True):
        print("  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))
    if len(settings) > LINES:
        print(f"… {len(settings) - LINES:,} more")


def _row(setting: SettingResult, result: SweepResult) -> dict[str, str]:
    """The cells of a setting by their headings."""
    from fnn.figures.values import in_words
    from fnn.metrics import format_metric
    from fnn.sweeps.axes import SEEDS
    from fnn.sweeps.test_protocol import mean_of, sweep_headlines

    names = [name for name in result.names if name not in SEEDS]
    cells = {name: in_words(setting.settings.get(name)) for name in names}
    cells[_heading(result.metric)] = _number(setting.mean)
    several = len(result.outcomes) > len(result.settings())
    if several:
        interval = f"{format_metric(setting.low)} to {format_metric(setting.high)}"
        cells["95 % interval"] = interval if np.isfinite(setting.low) else "–"
    beside = f"validation_{sweep_headlines(result)[0]}"
    if beside in result.metric_names:
        cells[_heading(beside)] = _number(mean_of(setting.members, beside))
    if several:
        cells["seeds"] = str(len(setting.members))
    if any(outcome.status == "diverged" for outcome in result.outcomes):
        cells["diverged"] = str(setting.diverged)
    return cells


def _heading(metric: str) -> str:
    return metric.replace("_", " ")


def _number(value: float) -> str:
    from fnn.metrics import format_metric

    return format_metric(value) if np.isfinite(value) else "–"


def print_test(result: SweepResult, test: MeasuredSetting, rows: int) -> None:
    """The best setting, and its test metrics."""
    from fnn.figures.values import in_words
    from fnn.metrics import format_metric
    from fnn.sweeps.test_protocol import sweep_headlines

    if test.setting.settings:
        best = ", ".join(f"{n} {in_words(v)}" for n, v in test.setting.settings.items())
        print(f"best setting: {best}")
    metrics = []
    for name in sweep_headlines(result):
        values = test.values[name]
        spread = f" ± {format_metric(float(values.std(ddof=1)))}" if len(values) > 1 else ""
        metrics.append(f"{name} {format_metric(float(values.mean()))}{spread}")
    kind = "mean ± standard deviation of " if len(next(iter(test.values.values()))) > 1 else ""
    print(f"test {', '.join(metrics)} ({kind}{test.measured}; {rows:,} rows, measured once)")


def print_again(command: str, missing: Mapping[str, object]) -> None:
    """The command that trains the best setting alone, but for what there is no option for."""
    names = ", ".join(missing)
    but = f" (but for {names}, which fnn train has no option for)" if missing else ""
    print(f"again: {command}{but}")
