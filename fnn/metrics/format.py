"""A metric's value as text."""

from __future__ import annotations

import math


def format_metric(value: float) -> str:
    """Four decimals below 10, four significant figures above, whole numbers from 1,000 on.

    0.9833, 12.35, 47,324, 4.833e+09; what four decimals would round to 0 is 3.1e-06.
    """
    size = abs(value)
    if 0 < size < 5e-5 or (size >= 1e6 and math.isfinite(size)):
        return f"{value:.1e}" if size < 1 else f"{value:.3e}"
    decimals = 4 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    return f"{value:,.{decimals}f}"
