"""A mean over seeds, with its interval."""

from __future__ import annotations

import numpy as np


def interval(values: object) -> tuple[float, float]:
    """The mean, and half the width of its 95 % interval (Student's t)."""
    from scipy.stats import t

    seen = np.asarray(values, float)
    half = t.ppf(0.975, len(seen) - 1) * seen.std(ddof=1) / len(seen) ** 0.5
    return float(seen.mean()), float(half)


def format_interval(values: object) -> str:
    """Mean and interval in words."""
    mean, half = interval(values)
    return f"mean {mean:.4f} ± {half:.4f} (95 %, {len(np.asarray(values))} seeds)"
