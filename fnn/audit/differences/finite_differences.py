"""The derivative along a direction by differences, with an estimate of its own error.

One ladder of steps serves all: central differences at every rung, extrapolated (Richardson 1911;
the choice of the entry after Ridders 1982), the noise of the function from the fourth differences
of seven neighboring values (Moré & Wild 2011, "Estimating computational noise"), and corners from
one-sided slopes that do not come together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

RUNGS = 12
ORDERS = 4
"""central differences, and up to three extrapolations of them"""
NARROW = 1e-10
"""a relative precision above it gets a ladder of larger steps"""
_COARSE = 4
"""noise keeps those steps above many corners, whose mean slope then looks settled"""
NEIGHBORS = 7
"""values at 1 … 7 small steps to one side, so that a corner at the point itself is not noise"""
_FOURTH = 24**2 / 40320
"""(4!)² / 8!, which makes a variance of squared fourth differences"""
_STEADY = 0.02
"""how much the jump of slopes at a corner may change from one step to the next"""
_MARGIN = 2.5
"""three standard deviations of a central difference, extrapolated, in units of noise / step"""


@dataclass(frozen=True)
class Ladder:
    """How the differences along one direction behave over the step size."""

    steps: np.ndarray
    """in units of the leaf's own size, from large to small"""
    slopes: np.ndarray
    """the central difference at each step"""
    noise: np.ndarray
    """what rounding alone may do to it"""
    claimed: float = float("nan")
    best: float = float("nan")


@dataclass(frozen=True)
class Slope:
    """The derivative along a direction."""

    value: float
    resolution: float
    """how far off `value` may be"""
    low: float
    """the smaller one-sided slope; both are `value` where there is no corner"""
    high: float
    corner: bool
    noise: float
    """standard deviation of the function's value"""
    ladder: Ladder

    def distance(self, claimed: float) -> float:
        """How far a claimed slope is from all that is valid here."""
        return max(self.low - claimed, claimed - self.high, 0.0)

    def times(self, factor: float) -> Slope:
        """The slope along the direction times a positive factor."""
        return replace(
            self,
            value=factor * self.value,
            resolution=factor * self.resolution,
            low=factor * self.low,
            high=factor * self.high,
        )

    def nearest(self, claimed: float) -> float:
        """The valid slope that is nearest to a claimed one."""
        return min(max(claimed, self.low), self.high)


def rungs(epsilon: float) -> np.ndarray:
    """The steps of the ladder for a function that rounds to that relative precision."""
    ratio = 4.0 if epsilon < NARROW else 2.0
    return ratio ** -np.arange(1, RUNGS + 1)


def sample_points(epsilon: float) -> np.ndarray:
    """Where along a direction the function is evaluated: 0, ± every rung, and the neighbors."""
    steps = rungs(epsilon)
    near = (2.0**-20 if epsilon < NARROW else 2.0**-9) * np.arange(1, NEIGHBORS + 1)
    return np.concatenate([[0.0], steps, -steps, near])


def noise_of(values: np.ndarray, epsilon: float) -> float:
    """The standard deviation of rounding in the function's value, never less than half a unit."""
    near = np.append(values[-NEIGHBORS:], values[0])
    if not np.isfinite(near).all():
        return float("inf")
    fourth = np.diff(near[:-1], 4)
    scale = np.abs(fourth).max() or 1.0  # so that no square leaves the finite numbers
    measured = scale * np.sqrt(_FOURTH * np.mean(np.square(fourth / scale)))
    return float(max(measured, 0.5 * epsilon * np.abs(near).max()))


def ladder_points(steps: np.ndarray) -> np.ndarray:
    """0, ± every one of these steps, and neighbors so near that all they differ by is noise."""
    near = steps[max(len(steps) - 3, 0)] * np.arange(1, NEIGHBORS + 1)
    return np.concatenate([[0.0], steps, -steps, near])


def slope_of(
    values: np.ndarray, noise: float, epsilon: float, steps: np.ndarray | None = None
) -> Slope:
    """The derivative at 0 from the function's values at `sample_points(epsilon)`.

    Or from those at 0, at all `steps` and at their negatives.
    """
    steps = rungs(epsilon) if steps is None else steps
    count = len(steps)
    center, up, down = values[0], values[1 : count + 1], values[count + 1 : 2 * count + 1]
    central = (up - down) / (2 * steps)
    sizes = np.fmax(np.abs(up), np.abs(down))
    rounding = _MARGIN * np.fmax(noise, np.where(np.isfinite(sizes), epsilon * sizes, 0)) / steps
    value, resolution = _extrapolate(central, rounding, steps[0] / steps[1])
    if epsilon > NARROW:
        resolution *= _COARSE
    ladder = Ladder(steps, central, rounding, best=value)
    rung = _corner(center, up, down, steps, noise)
    if rung is None:
        return Slope(value, resolution, value, value, False, noise, ladder)
    right, left = (up - center) / steps, (center - down) / steps
    errors = np.maximum(*(_one_sided_errors(side, rounding) for side in (left, right)))
    sharpest = int(np.nanargmin(errors[1 : rung + 1])) + 1
    low, high = sorted((float(left[sharpest]), float(right[sharpest])))
    return Slope(value, float(errors[sharpest]), low, high, True, noise, ladder)


def _one_sided_errors(slopes: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """How far off a one-sided slope may be at each step: what it bends by, and rounding."""
    bend = np.abs(np.diff(slopes, prepend=np.inf))
    excess = _excess_of_smaller_steps(slopes, slopes, 2 * rounding)
    errors: np.ndarray = np.maximum(bend, excess) + 2 * rounding
    return errors


def one_sided_slope_of(
    center: float, side: np.ndarray, steps: np.ndarray, noise: float, sign: int
) -> Slope:
    """The derivative at the end of a domain, from the values on the side that is inside."""
    slopes = sign * (side - center) / steps
    rounding = 2 * _MARGIN * noise / steps
    value, resolution = _extrapolate(slopes, rounding, steps[0] / steps[1], power=1)
    ladder = Ladder(steps, slopes, rounding, best=value)
    return Slope(value, resolution, value, value, False, noise, ladder)


def _extrapolate(
    central: np.ndarray, rounding: np.ndarray, ratio: float, power: int = 2
) -> tuple[float, float]:
    """The entry of the extrapolation tableau that errs least by its own estimate.

    The error of the differences is a series in the step to that power.
    """
    values, errors = [], []
    column = central
    for order in range(ORDERS):
        if order:
            refined = column[1:] + np.diff(column) / (ratio ** (power * order) - 1)
            change = np.abs(refined - column[1:])
            column = refined
        else:
            change = np.full(len(column), 0.0)
        moved = np.abs(np.diff(column))
        error = np.maximum(change[1:], moved) + rounding[len(rounding) - len(moved) :]
        errors.append(np.maximum(error, _excess_of_smaller_steps(column[1:], central, rounding)))
        values.append(column[1:])
    return _best_of(np.concatenate(values), np.concatenate(errors))


def _best_of(values: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """The value with the least error, which is no less than what its nearest rivals differ by.

    The least of many estimates may be that of neighbors that agree by chance.
    """
    errors = np.where(np.isfinite(values) & np.isfinite(errors), errors, np.inf)
    best = int(np.argmin(errors))
    if not np.isfinite(errors[best]):
        return float(values[best]), float("inf")
    rivals = values[errors <= 4 * errors[best]]
    apart = float(np.abs(rivals - values[best]).max())
    return float(values[best]), max(float(errors[best]), apart)


def _excess_of_smaller_steps(
    column: np.ndarray, central: np.ndarray, rounding: np.ndarray
) -> np.ndarray:
    """By how much the smaller steps, rounding allowed for, contradict each entry.

    Where a corner lies close by, larger steps agree with each other on a mean of both sides.
    """
    excess = np.abs(central[None, :] - column[:, None]) - rounding[None, :]
    first = len(central) - len(column)
    smaller = np.arange(len(central))[None, :] > first + np.arange(len(column))[:, None]
    worst: np.ndarray = np.where(smaller, excess, 0).max(1)
    return worst


def _corner(
    center: float, up: np.ndarray, down: np.ndarray, steps: np.ndarray, noise: float
) -> int | None:
    """The rung at which to read one-sided slopes, where they differ down to the smallest step.

    Where the function is smooth (right − left) falls with the step; at a corner it stays. It must
    stand above the noise on three rungs, and on every smaller one where the noise would show it.
    """
    jumps = (up - 2 * center + down) / steps
    blur = 8 * np.sqrt(6) * noise / steps
    seen = np.flatnonzero(np.abs(jumps) > blur)
    if seen.size == 0 or seen[-1] < 2:
        return None
    rung = int(seen[-1])
    near = jumps[rung - 2 : rung + 1]
    steady = np.abs(near - near[-1]).max() <= _STEADY * np.abs(near[-1]) + blur[rung]
    hidden = bool((np.abs(near[-1]) <= 1.5 * blur[rung + 1 :]).all())
    return rung if steady and hidden else None
