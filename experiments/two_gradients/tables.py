"""The tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.two_gradients.costs import MEASURES, TIMED, Cost, format_ratio
from experiments.two_gradients.trajectories import Drift

UNITS = {
    "step": (1e6, "µs"),
    "lower": (1e3, "ms"),
    "compile": (1e3, "ms"),
    "flops": (1e-6, "M"),
    "memory": (2**-10, "KiB"),
}
ABSENT = "not told"


def drift_table(drifts: Sequence[Drift]) -> Iterator[str]:
    """‖θ − θₐ‖ / ‖θₐ‖ after 1, 10, 100 and all steps: means over seeds, the last with its range."""
    last = drifts[0].manual.shape[1] - 1
    shown = [step for step in (1, 10, 100) if step < last]
    heads = "".join(f"{step:>9,}" for step in (*shown, last))
    what = "‖θ − θ automatic‖ / ‖θ automatic‖"
    yield f"{what:<36}   {'manual, after step':<55}{'ulp aside':<19}loss"
    yield f"{'':<36}{heads} {'(range)':<20}{last:>9,}{'automatic':>12}{'manual':>9}{'ulp':>9}"
    for drift in drifts:
        end = drift.manual[:, -1]
        distances = "".join(f"{value:>9.1e}" for value in drift.manual.mean(0)[[*shown, last]])
        spread = f"({end.min():.1e} to {end.max():.1e})"
        automatic, manual, nudged = drift.losses.mean(0)
        yield (
            f"{drift.name:<28}{drift.dtype:<8}{distances} {spread:<20}"
            f"{drift.nudged[:, -1].mean():>9.1e}{automatic:>12.4f}{manual:>9.4f}{nudged:>9.4f}"
        )


def cost_heading() -> str:
    """The line above `cost_line`s."""
    names = ((words, _width(measure)) for measure, words in MEASURES.items())
    return f"{'':<34}" + "".join(f"{words:<{width}}" for words, width in names)


def cost_line(cost: Cost) -> str:
    """What automatic costs, and the ratio: a median with its quartiles where it was timed."""
    cells = []
    for measure, (factor, unit) in UNITS.items():
        value, ratio = cost.value(measure), cost.ratio(measure)
        own = ABSENT
        if value is not None:
            own = f"{factor * value:,.{0 if factor * value >= 100 else 1}f} {unit}"
        if ratio is not None:
            own += f"  {format_ratio(ratio[1])}"
            own += f" ({ratio[0]:.2f}-{ratio[2]:.2f})" if measure in TIMED else ""
        cells.append(f"{own:<{_width(measure)}}")
    return f"{cost.program.name:<34}" + "".join(cells)


def _width(measure: str) -> int:
    return 29 if measure in TIMED else 18
