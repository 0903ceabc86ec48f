"""Derivatives by differences: right within what they say of themselves, corners and noise seen."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from fnn.audit.differences.directional import SAFETY
from fnn.audit.differences.finite_differences import Slope, noise_of, sample_points, slope_of

EPSILON = {np.float64: 2.0**-52, np.float32: 2.0**-23}


def slope(f: Callable, dtype: type = np.float64) -> Slope:
    epsilon = EPSILON[dtype]
    with np.errstate(all="ignore"):
        values = np.array([float(f(dtype(t))) for t in sample_points(epsilon)])
        return slope_of(values, noise_of(values, epsilon), epsilon)


SMOOTH = [
    ("line", lambda t: 3 * t + 1, 3.0),
    ("sine", lambda t: np.sin(1 + t), math.cos(1)),
    ("steep", lambda t: np.exp(5 * t), 5.0),
    ("constant", lambda t: 0 * t + 2.3, 0.0),
    ("even", lambda t: np.cos(t), 0.0),
    ("large offset", lambda t: 1e6 + np.sin(t), 1.0),
    ("corner close by", lambda t: np.maximum(t - np.float32(1e-3), 0) + t * t + t, 1.0),
    ("undefined further away", lambda t: np.log(t + np.float32(2**-7)), 128.0),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "f", "true"), SMOOTH, ids=[case[0] for case in SMOOTH])
def test_a_smooth_function(name: str, f: Callable, true: float, dtype: type) -> None:
    found = slope(f, dtype)
    assert abs(found.value - true) <= 2 * found.resolution
    assert not found.corner
    if dtype is np.float64 and name != "large offset":
        assert found.resolution <= 1e-9 * max(abs(true), 1)


CORNERS = [
    ("relu", lambda t: np.maximum(t, 0), 0, 1),
    ("absolute", lambda t: abs(t), -1, 1),
    ("on a curve", lambda t: abs(t) + np.sin(3 * t) + 5, 2, 4),
    ("concave", lambda t: -abs(t) + t * t, -1, 1),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "f", "low", "high"), CORNERS, ids=[case[0] for case in CORNERS])
def test_a_corner_has_two_slopes(
    name: str, f: Callable, low: float, high: float, dtype: type
) -> None:
    found = slope(f, dtype)
    assert found.corner
    assert found.low == pytest.approx(low, abs=3 * found.resolution + 1e-9)
    assert found.high == pytest.approx(high, abs=3 * found.resolution + 1e-9)
    assert found.distance((low + high) / 2) == 0
    assert found.distance(high + 0.5) == pytest.approx(0.5, abs=0.05)
    assert found.resolution < 0.05


def test_curvature_is_no_corner() -> None:
    assert not any(slope(lambda t, c=c: c * t * t + t).corner for c in (1e-6, 1.0, 1e3))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_error_estimate_holds_among_many_corners(dtype: type) -> None:
    """A thousand rectifiers, whose corners lie everywhere: never off by what would count."""
    draw = np.random.default_rng(0)
    for _ in range(100):
        weight, bias = (draw.normal(size=1000).astype(dtype) for _ in range(2))
        found = slope(lambda t, w=weight, b=bias: np.maximum(w * t + b, 0).mean(), dtype)
        true = float(np.mean(weight.astype(float) * (bias > 0)))
        assert found.distance(true) <= SAFETY * found.resolution


def test_the_noise_of_a_function_is_measured() -> None:
    """Noise far above rounding, of a function that computes with fewer digits, is found."""
    draw = np.random.default_rng(0)
    values = [1 + 1e-9 * draw.normal() for _ in sample_points(EPSILON[np.float64])]
    found = noise_of(np.array(values), EPSILON[np.float64])
    assert 2e-10 < found < 5e-9
