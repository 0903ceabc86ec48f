"""The faulty layers, the leaf that is wrong in each, and the kind of mistake."""

from __future__ import annotations

import re
from collections.abc import Callable

import jax
import numpy as np

from fnn.audit.diagnose.diagnose import diagnose
from fnn.audit.diagnose.registry import sizes_of
from fnn.audit.diagnose.wording import describe
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.audit.localize.probes import Probed, by_path, largest_errors
from fnn.audit.problem.problem import REPEATS, Leaves, Problem, largest
from fnn.audit.records import Finding
from fnn.audit.verdict.evidence import MARGIN, SISTERS
from fnn.combinators import Ensemble, Repeat
from fnn.layer import PyTree
from fnn.objective import Batch, Objective
from fnn.spec import named_leaves


def localize(
    objective: Objective, problem: Problem, run_probes: Callable[[Leaves], dict[str, Probed]]
) -> tuple[Finding, ...]:
    """Every part whose own backward is wrong, the innermost alone where an outer one follows.

    `objective` is the right one: it gives the parts' names and their formulas.
    """
    probed = by_path(_to_host(run_probes(problem.point)))
    floors = _noise_floors(problem, run_probes, probed)
    result: list[Finding] = []
    for path, probe in probed.items():
        if path == "objective" and any(finding.path == "loss" for finding in result):
            continue  # the objective's cotangent is made from the loss's
        for leaf, error in largest_errors(probe.manual, probe.expected).items():
            if error > MARGIN * floors[path, leaf]:
                result.append(_finding(objective, path, leaf, error, probe, probed))
    return tuple(result)


def is_correct(probe: Probed, leaf: str) -> bool:
    """Whether a leaf is right to nine digits."""
    expected = np.asarray(probe.expected[leaf])
    return bool(
        np.allclose(
            probe.manual[leaf], expected, rtol=0, atol=1e-9 * np.abs(expected).max(initial=0)
        )
    )


def worst_slice(probe: Probed, leaf: str, stacked: int) -> Probed:
    """Of a layer in `Repeat` or `Ensemble`, the slice that is furthest off, as one layer."""
    for _ in range(stacked):
        error = np.abs(np.asarray(probe.manual[leaf]) - np.asarray(probe.expected[leaf]))
        index = int(np.argmax(error.reshape(len(error), -1).max(1)))
        probe = jax.tree.map(lambda array, index=index: array[index], probe._replace(inside={}))
    return probe


def spec_at(objective: Objective, path: str) -> PyTree:
    """The layer, loss or penalty at a path such as `net.layers[2]`."""
    if path == "objective":
        return objective
    node: PyTree = objective
    for name in path.replace("[", ".[").split("."):
        node = node[int(name[1:-1])] if name.startswith("[") else getattr(node, name)
    return node


def _finding(
    objective: Objective,
    path: str,
    leaf: str,
    error: float,
    probe: Probed,
    probed: dict[str, Probed],
) -> Finding:
    layer = spec_at(objective, path)
    stacked = _stacked(objective, path)
    if stacked:
        probe = worst_slice(probe, leaf, stacked)
    expected = np.asarray(probe.expected[leaf])
    size = float(np.abs(expected).max(initial=0))
    result = Diagnosis(Mistake.ABSENT)
    if leaf in probe.manual:
        result = diagnose(_wrong_leaf(layer, path, leaf, probe, probed))
    relative = error / size if size else float("inf")
    return Finding(path, type(layer).__name__, leaf, relative, describe(result), result)


def _stacked(objective: Objective, path: str) -> int:
    """How many scans and ensembles enclose a layer; each stacks what its probe recorded."""
    owners = [path[: match.start()] for match in re.finditer(r"[.\[]", path)]
    return sum(
        isinstance(layer, Ensemble) or (isinstance(layer, Repeat) and not layer.tied)
        for layer in (spec_at(objective, owner) for owner in owners)
    )


def _wrong_leaf(
    layer: object, path: str, leaf: str, probe: Probed, probed: dict[str, Probed]
) -> WrongLeaf:
    params = named_leaves(probe.params)
    others = {
        name: np.asarray(value)
        for name, value in probe.expected.items()
        if name not in (leaf, "input")
    }
    children = [inner for inner in probed if inner.startswith((f"{path}.", f"{path}["))]
    for inner in children:
        if "input" in probed[inner].expected:
            stacked = others[f"{inner}'s input"] = np.asarray(probed[inner].expected["input"])
            if stacked.shape[1:] == np.shape(probe.expected.get("input", 0)):
                for number, one in enumerate(stacked):
                    others[f"number {number} of {inner}'s input"] = one
    batch = probe.dy if isinstance(probe.dy, Batch) else None
    return WrongLeaf(
        leaf=leaf,
        claimed=np.asarray(probe.manual[leaf], np.float64),
        expected=np.asarray(probe.expected[leaf], np.float64),
        layer=layer,
        x=probe.x,
        y=probe.y,
        dy=None if batch else probe.dy,
        params=params,
        state=named_leaves(probe.state),
        others=others,
        sizes=_sizes(layer, probe, batch),
        combines=bool(children),
        input_correct="input" in probe.manual and is_correct(probe, "input"),
        target=None if batch is None else np.asarray(batch.target),
        weight=None if batch is None or batch.weight is None else np.asarray(batch.weight),
    )


def _sizes(layer: object, probe: Probed, batch: Batch | None) -> dict[str, float]:
    """Numbers that people divide by once too often, or forget to."""
    x = jax.tree.leaves(probe.x)[0]
    sizes = {"B, the number of examples,": float(x.shape[0])} if x.ndim else {}
    for axis in range(1, x.ndim - 1):
        sizes[f"{x.shape[axis]}, the length of axis {axis} (time),"] = float(x.shape[axis])
    if batch is not None:
        sizes["C, the number of outputs or classes,"] = float(x.shape[-1])
        sizes["B · C, the number of all outputs,"] = float(x.size)
        if batch.weight is not None:
            weight = np.asarray(batch.weight)
            sizes["Σ w, the sum of the weights,"] = float(weight.sum())
            sizes["Σ w / B, the mean of the weights,"] = float(weight.mean())
    else:
        sizes["the number of features"] = float(x.shape[-1])
        sizes["the number of rows"] = float(x.size / x.shape[-1]) if x.ndim else 1.0
    sizes = sizes_of(layer) | sizes
    for name, number in named_leaves(layer).items():
        sizes[name] = float(number)
        sizes[f"1 − {name}"] = 1 - float(number)
    return sizes


def _noise_floors(
    problem: Problem, run_probes: Callable[[Leaves], dict[str, Probed]], probed: dict[str, Probed]
) -> dict[tuple[str, str], float]:
    """What rounding does to each leaf of each part, when the point moves by an ulp."""
    floors: dict[tuple[str, str], float] = {}
    for path, probe in probed.items():
        sizes = {
            leaf: float(np.abs(expected).max(initial=0))
            for leaf, expected in probe.expected.items()
        }
        share = SISTERS * max(sizes.values(), default=0.0)
        cotangent_size = 0.0 if isinstance(probe.dy, Batch) else largest(probe.dy)
        for leaf, size in sizes.items():
            terms = cotangent_size * (1.0 if leaf.startswith("input") else largest(probe.x))
            floors[path, leaf] = problem.epsilon * max(size, share, terms)
    for repeat in range(REPEATS):
        near = by_path(_to_host(run_probes(problem.moved(problem.epsilon, seed=repeat))))
        for path, probe in near.items():
            for leaf, change in largest_errors(probe.expected, probed[path].expected).items():
                if np.isfinite(change):
                    floors[path, leaf] = max(floors[path, leaf], change)
    return floors


def _to_host(result: dict[str, Probed]) -> dict[str, Probed]:
    host: dict[str, Probed] = jax.tree.map(np.asarray, result)
    return host
