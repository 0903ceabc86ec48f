"""The parts of a network: layers, shapes, parameters, arithmetic, memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from fnn.layer import Layer, Params, PyTree, State
from fnn.spec import join


class LayerSummary(NamedTuple):
    """One layer; figures count all its applications (`times`), memory its own parameters."""

    path: str
    layer: str
    out_shape: PyTree
    times: int
    parameters: int
    flops: int
    bytes: int


@dataclass(frozen=True)
class NetworkSummary:
    """A table of layers; `str` gives it as text, `rows` as data.

    `parameters`, `flops` (one example, forward; a multiplication and an addition count as two, as
    XLA counts them) and `bytes` (parameters and state) are totals.
    """

    rows: tuple[LayerSummary, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def flops(self) -> int:
        return sum(row.flops for row in self.rows)

    @property
    def bytes(self) -> int:
        return sum(row.bytes for row in self.rows)

    def __str__(self) -> str:
        header = ("path", "layer", "output", "parameters", "FLOPs/example", "bytes")
        cells = [header]
        for row in self.rows:
            times = f" × {row.times}" if row.times > 1 else ""
            shape = str(jax.tree.map(lambda leaf: leaf.shape, row.out_shape))
            figures = (f"{row.parameters:,}", f"{row.flops:,}", f"{row.bytes:,}")
            cells.append((row.path, row.layer + times, shape, *figures))
        total = (f"{self.parameters:,}", f"{self.flops:,}", f"{self.bytes:,}")
        cells.append(("total", "", "", *total))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [_line(row, widths) for row in cells]
        rule = "─" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary(net: Layer, in_shape: PyTree) -> NetworkSummary:
    """The summary of a network for inputs of that shape, e.g. `summary(net, fnn.shape(784))`.

    Nothing is computed and no memory taken: shapes are traced, arithmetic is XLA's own count.
    Raises `ShapeError` where the network does not fit the input.
    """
    net.out_shape(in_shape)
    return NetworkSummary(tuple(_rows("", net, in_shape, 1, tied=1)))


def parameter_count(layer: Layer, in_shape: PyTree) -> int:
    """How many numbers a layer's `init` gives, without computing them."""
    return _size(_declared(layer, in_shape)[0])


def _declared(layer: Layer, in_shape: PyTree) -> tuple[Params, State]:
    shapes: tuple[Params, State] = jax.eval_shape(lambda: layer.init(jax.random.key(0), in_shape))
    return shapes


def _rows(path: str, layer: Layer, in_shape: PyTree, times: int, tied: int) -> list[LayerSummary]:
    children = layer.children(in_shape)
    if not children:
        return [_row(path, layer, in_shape, times, tied)]
    rows: list[LayerSummary] = []
    for child in children:
        shared = child.times if getattr(layer, "tied", False) else 1
        child_path = join(path, child.path)
        rows += _rows(child_path, child.layer, child.in_shape, times * child.times, tied * shared)
    return rows


def _row(path: str, layer: Layer, in_shape: PyTree, times: int, tied: int) -> LayerSummary:
    params, state = _declared(layer, in_shape)
    out_shape = layer.out_shape(in_shape)
    sets = times // tied
    memory = sets * _bytes(params) + times * _bytes(state)
    flops = times * _flops(layer, params, state, in_shape)
    return LayerSummary(path, repr(layer), out_shape, times, sets * _size(params), flops, memory)


def _flops(layer: Layer, params: Params, state: State, in_shape: PyTree) -> int:
    cost: Any = jax.jit(layer.apply).lower(params, state, in_shape).cost_analysis()
    return int((cost or {}).get("flops", 0))


def _size(tree: PyTree) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def _bytes(tree: PyTree) -> int:
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    names = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    figures = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join(names + figures)
