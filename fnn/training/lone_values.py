"""Values that are standardized alone: they come out as 0, whatever they were."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from fnn.layer import Child, PyTree
from fnn.shapes import shape_of
from fnn.spec import FnnWarning, error_path, join
from fnn.training.program.epoch import Plan
from fnn.training.run import Run


def warn_of_lone_values(run: Run, x: PyTree, plan: Plan) -> None:
    """A `FnnWarning` for each layer that would standardize single values, of inputs like `x`.

    Such a layer's output is its shift, and no gradient passes it.
    """
    objective = run.objective
    with error_path("net"):
        root = Child("net", objective.net, objective.policy.cast_shape(shape_of(x)))
        for path, layer, in_shape, _ in _descendants(root):
            where = ""
            if layer.mean_size(in_shape, 2) == 1:
                where = "has one feature: give it more"
            elif 1 in (layer.mean_size(in_shape, size) for size in _sizes(plan)):
                where = f"has one value of each feature {_where(plan)}"
            if where:
                message = (
                    f"{path} ({type(layer).__name__}) {where}. A value that is standardized by "
                    "itself comes out as 0, whatever it was"
                )
                warnings.warn(message, FnnWarning, stacklevel=2)


def _descendants(child: Child) -> Iterator[Child]:
    """The layer and all that it holds."""
    yield child
    for inner in child.layer.children(child.in_shape):
        yield from _descendants(inner._replace(path=join(child.path, inner.path)))


def _sizes(plan: Plan) -> list[int]:
    """How many rows batches have."""
    return [plan.size, plan.ragged] if plan.ragged else [plan.size]


def _where(plan: Plan) -> str:
    """Which batches have one row, and what to do."""
    if plan.rows == 1:
        return "to standardize, as there is one row: it needs more of them"
    larger = (size for size in range(plan.size + 1, plan.rows + 1) if plan.rows % size != 1)
    advice = f"take another batch_size, such as {next(larger)}, or LayerNorm"
    if plan.size == 1:
        return f"in a batch of one row: {advice}"
    return (
        f"in the last batch of an epoch, as {plan.rows:,} rows in batches of {plan.size:,} "
        f"leave one row: {advice}"
    )
