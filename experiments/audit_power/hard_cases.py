"""Right and wrong gradients where differences are hard: what `fnn.audit_gradient` says of each.

Badly scaled leaves, values whose x + h rounds, many decades in one leaf, edges of domains,
stationary points, corners, empty leaves, and functions whose automatic gradient alone is NaN. A
wrong gradient is caught where its leaf is WRONG or not finite; UNRESOLVED is no miss and no catch.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn.audit import audit_gradient

SEEDS = 5
Tree = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A function with its right gradient; `at` is the element that a planted mistake changes."""

    name: str
    f: Callable[[Tree], Any]
    right: Callable[[Tree], Tree]
    point: Tree
    leaf: str
    at: int
    to: float | None = None
    """what that element becomes; None: half of it"""


def cases(seed: int) -> Iterator[Case]:
    """All kinds, drawn once."""
    for numbers in (np, jnp):
        draw = np.random.default_rng(seed)
        for kind in (_scales, _edges, _stationary, _corners, _others):
            yield from kind(numbers, draw)


def _scales(xp: Any, draw: np.random.Generator) -> Iterator[Case]:
    a, b = draw.uniform(0.5, 2, 6), draw.uniform(0.5, 2, 9)
    scale = np.array([1e6, 1.0, 1e-6, 1e3, 1e-3, 1e-5, 1e5, 1.0, 1e-4])
    yield Case(
        "gradients of 1e8 beside 1e-8",
        lambda p: 1e8 * xp.sin(p["a"]).sum() + 1e-8 * xp.sin(p["b"]).sum(),
        lambda p: {"a": 1e8 * np.cos(p["a"]), "b": 1e-8 * np.cos(p["b"])},
        {"a": a, "b": b}, "a", 2,
    )  # fmt: skip
    yield Case(
        "values of 1e8 beside values of 1",
        lambda p: xp.sin(p["a"] * 1e-8).sum() + xp.sin(p["b"]).sum(),
        lambda p: {"a": 1e-8 * np.cos(p["a"] * 1e-8), "b": np.cos(p["b"])},
        {"a": 1e8 * a, "b": b}, "b", 3,
    )  # fmt: skip
    yield Case(
        "values of 1e8 that must move by little",
        lambda p: xp.sin(p["a"] - 1e8).sum(),
        lambda p: {"a": np.cos(p["a"] - 1e8)},
        {"a": 1e8 + a}, "a", 1,
    )  # fmt: skip
    yield Case(
        "twelve decades of values in one leaf",
        lambda p: xp.log(p["b"]).sum(),
        lambda p: {"b": 1 / p["b"]},
        {"b": scale * b}, "b", 0,
    )  # fmt: skip
    yield Case(
        "twelve decades of slopes in one leaf",
        lambda p: (scale * xp.sin(p["b"])).sum(),
        lambda p: {"b": scale * np.cos(p["b"])},
        {"b": b}, "b", 5,
    )  # fmt: skip


def _edges(xp: Any, draw: np.random.Generator) -> Iterator[Case]:
    edge = np.array([1e-9, 1e-7, 1e-5, 0.3, 1.7]) * draw.uniform(0.5, 1, 5)
    near = 1 - np.array([1e-9, 1e-7, 1e-4, 0.5]) * draw.uniform(0.5, 1, 4)
    yield Case(
        "square root near 0",
        lambda p: xp.sqrt(p["x"]).sum(),
        lambda p: {"x": 0.5 / np.sqrt(p["x"])},
        {"x": edge}, "x", 1,
    )  # fmt: skip
    yield Case(
        "logarithm near 0",
        lambda p: (p["x"] * xp.log(p["x"])).sum(),
        lambda p: {"x": np.log(p["x"]) + 1},
        {"x": edge}, "x", 3,
    )  # fmt: skip
    yield Case(
        "arc cosine near 1",
        lambda p: xp.arccos(p["x"]).sum(),
        lambda p: {"x": -1 / np.sqrt((1 - p["x"]) * (1 + p["x"]))},
        {"x": near}, "x", 0,
    )  # fmt: skip
    yield Case(
        "the very end of a domain",
        lambda p: (p["x"] ** 1.5 + xp.sin(3 * p["x"])).sum(),
        lambda p: {"x": 1.5 * np.sqrt(p["x"]) + 3 * np.cos(3 * p["x"])},
        {"x": np.array([0.0, 0.2, 1.0])}, "x", 0,
    )  # fmt: skip


def _stationary(xp: Any, draw: np.random.Generator) -> Iterator[Case]:
    target = draw.normal(size=6)
    off = 1e-10 * draw.uniform(1, 2, 6)
    yield Case(
        "1e-10 from a minimum",
        lambda p: ((p["x"] - target) ** 2).sum(),
        lambda p: {"x": 2 * (p["x"] - target)},
        {"x": target + off}, "x", 2,
    )  # fmt: skip
    yield Case(
        "a flat top",
        lambda p: xp.cos(p["x"]).sum(),
        lambda p: {"x": -np.sin(p["x"])},
        {"x": 1e-3 * off / 1e-10}, "x", 2,
    )  # fmt: skip


def _corners(xp: Any, draw: np.random.Generator) -> Iterator[Case]:
    x, c = draw.normal(size=8), draw.uniform(1, 2, 8)
    x[[1, 4]] = 0
    tied = x.copy()
    tied[3] = tied[5] = 3.0

    def relu(at_zero: float) -> Callable[[Tree], Tree]:
        return lambda p: {"x": c * np.where(p["x"] == 0, at_zero, p["x"] > 0)}

    def value(p: Tree) -> Any:
        return (c * xp.maximum(p["x"], 0)).sum()

    for at_zero in (0.0, 0.5, 1.0):
        yield Case(f"relu at 0: {at_zero}", value, relu(at_zero), {"x": x}, "x", 1, 2.5)
    yield Case("relu at 0, −1", value, relu(0.0), {"x": x}, "x", 4, -1.0)
    live = int(np.argmax(x))
    yield Case("hidden by a corner", value, relu(0.0), {"x": x}, "x", live, 0.9 * c[live])
    yield Case(
        "absolute value at 0",
        lambda p: (c * xp.abs(p["x"])).sum(),
        lambda p: {"x": c * np.sign(p["x"])},
        {"x": x}, "x", 1, 3.0,
    )  # fmt: skip
    share = np.isin(np.arange(8), (3, 5)) / 2
    yield Case(
        "a tie of the maximum",
        lambda p: p["x"].max(),
        lambda p: {"x": share.copy()},
        {"x": tied}, "x", 3, 1.5,
    )  # fmt: skip


def _others(xp: Any, draw: np.random.Generator) -> Iterator[Case]:
    x = np.array([0.0, 0.5, 4.0]) * draw.uniform(0.9, 1, 3)
    yield Case(
        "automatic NaN, finite function",
        lambda p: xp.where(p["x"] < 1, p["x"], xp.sqrt(p["x"])).sum(),
        lambda p: {"x": np.where(p["x"] < 1, 1.0, 0.5 / np.sqrt(np.maximum(p["x"], 1)))},
        {"x": x}, "x", 2,
    )  # fmt: skip
    w = draw.normal(size=(3, 3))
    yield Case(
        "an empty leaf",
        lambda p: xp.tanh(p["w"]).sum() + p["none"].sum(),
        lambda p: {"w": 1 - np.tanh(p["w"]) ** 2, "none": np.zeros((0, 3))},
        {"w": w, "none": np.zeros((0, 3))}, "w", 4,
    )  # fmt: skip


def wrong(case: Case) -> Callable[[Tree], Tree]:
    """The right gradient but for one element."""

    def gradient(p: Tree) -> Tree:
        result = case.right(p)
        changed = np.array(result[case.leaf])
        changed.flat[case.at] = changed.flat[case.at] / 2 if case.to is None else case.to
        return {**result, case.leaf: changed}

    return gradient


def said(case: Case, gradient: Callable[[Tree], Tree]) -> tuple[str, set[str]]:
    """The most serious verdict, and the leaves that have one which is not a proof."""
    try:
        with np.errstate(all="ignore"):
            rows = audit_gradient(case.f, gradient, case.point, checks=False).rows
    except Exception as error:
        return type(error).__name__, set()
    bad = {row.path for row in rows if row.verdict in ("WRONG", "NONFINITE")}
    if bad:
        return "WRONG", bad
    return "UNRESOLVED" if any(row.verdict == "UNRESOLVED" for row in rows) else "proved", set()


def main() -> None:
    """Count what is said of every right and wrong gradient; list what is not as it should be."""
    right, planted, named = Counter[str](), Counter[str](), 0
    lines = Counter[str]()
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS):
        for case in cases(seed):
            verdict, _ = said(case, case.right)
            right[verdict] += 1
            lines[f"right {verdict}: {case.name}"] += verdict != "proved"
            verdict, leaves = said(case, wrong(case))
            planted[verdict] += 1
            named += leaves == {case.leaf}
            lines[f"wrong {verdict}: {case.name}"] += verdict != "WRONG"
    for line, count in lines.items():
        if count:
            print(count, line)
    print("right:", dict(right))
    print("wrong:", dict(planted), "leaf named:", named)


if __name__ == "__main__":
    main()
