"""Side-by-side timing: the contestants take turns, so that a slow minute hits them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import jax


def side_by_side(contestants: Mapping[str, Callable[[], object]], rounds: int) -> None:
    """Time each in turn, `rounds` times after two turns to warm up; print medians and ratios.

    A ratio is that of two neighboring turns, against the first contestant; its median comes with
    the range of the middle half. A contestant returns when its work is done, or the seconds that
    it took where that is a part of what it does.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 2):
        for name, run in contestants.items():
            start = time.perf_counter()
            own = run()
            elapsed = own if isinstance(own, float) else time.perf_counter() - start
            if turn >= 2:
                seconds[name].append(elapsed)
    first = next(iter(contestants))
    print(f"{rounds} rounds on {jax.devices()[0].device_kind}, JAX {jax.__version__}")
    print(f"{'':<28} {'median':>10} {'ratio to ' + first:>28}")
    for name, times in seconds.items():
        ratios = [a / b for a, b in zip(times, seconds[first], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{name:<28} {1e3 * statistics.median(times):>7.1f} ms"
            f" {middle:>14.3f} ({low:.3f} to {high:.3f})"
        )
