"""Metrics by name: of outputs, and of a network over many rows."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from fnn.layer import PyTree
from fnn.losses import Loss
from fnn.losses.loss import paired
from fnn.metrics.classification import classification_metrics
from fnn.metrics.registry import check_metrics, default_metrics
from fnn.metrics.regression import regression_metrics
from fnn.objective import Batch, Objective, normalized_weights
from fnn.shapes import wide
from fnn.spec import ShapeError, error_path

CHUNK = 4096
"""rows that pass through the network at a time"""
Metrics = dict[str, jax.Array]
"""Scalars by name. A jitted function gives them back in the order of the alphabet."""


def evaluate(
    objective: Objective,
    params: PyTree,
    state: PyTree,
    rows: Batch,
    names: Sequence[str] | None = None,
    *,
    target_scale: jax.Array | None = None,
    chunk: int = CHUNK,
) -> Metrics:
    """`measure` the network in evaluation mode; by default the `default_metrics` of the loss.

    `names` and `chunk` are static under `jit`. Raises what `outputs` and `measure` raise.
    """
    if names is None:
        names = default_metrics(objective.loss)
    output = outputs(objective, params, state, rows.x, chunk)
    return measure(
        objective.loss, output, rows.target, names, weight=rows.weight, target_scale=target_scale
    )


def outputs(
    objective: Objective, params: PyTree, state: PyTree, x: PyTree, chunk: int = CHUNK
) -> jax.Array:
    """The network's output in evaluation mode, `chunk` rows at a time to bound its memory.

    Up to `chunk` rows are one call, more are a scan and a call for the rest. jit it with `chunk`
    static. Raises `ShapeError` for no rows and as the layers do.
    """
    count = jax.tree.leaves(x)[0].shape[0]
    if count == 0:
        raise ShapeError("expected at least one row, got none")
    if count <= chunk:
        return objective.predict(params, state, x)

    def part(start: jax.Array | int, size: int) -> jax.Array:
        rows = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, size), x)
        return objective.predict(params, state, rows)

    full = count // chunk
    output = jax.lax.map(lambda start: part(start, chunk), jnp.arange(full) * chunk)
    output = output.reshape(full * chunk, *output.shape[2:])
    if full * chunk == count:
        return output
    return jnp.concatenate([output, part(full * chunk, count - full * chunk)])


def measure(
    loss: Loss,
    output: jax.Array,
    target: jax.Array,
    names: Sequence[str],
    *,
    weight: jax.Array | None = None,
    target_scale: jax.Array | None = None,
) -> Metrics:
    """Metrics of outputs (…, O) by name, as scikit-learn defines them; only these are computed.

    Names, for classes: `accuracy`, `precision`, `recall`, `f1`, `auc`, `top_<k>`, and of their
    probabilities `ece`, `brier`, `nll` (`fnn.metrics.calibration`); for numbers: `mse`, `mae`,
    `r2`; for every loss: `loss`, the objective's own without penalties.

    - One yes/no label, or two classes: precision, recall and F1 are those of a yes, of class 1.
      Several classes, or several labels: the mean over them ("macro"), F1 the mean of their F1.
      0 where the denominator is 0.
    - `auc` of several classes is the mean of one against the rest, scored by softmax; NaN where a
      class has no row or all of them. scikit-learn raises there.
    - `accuracy` of several yes/no labels is the fraction of correct ones (Keras' BinaryAccuracy);
      scikit-learn counts a row where all are.
    - A target of probabilities counts as its largest class, or as a yes above ½.
    - `target_scale` (O,) or () is the target's unit for 1 in the output: `mae` is in the target's
      own units, `mse` in their square.
    - `weight` (N,), from 0 up, is scikit-learn's `sample_weight`, and a row of weight 0 is as if it
      were not there. Weights that are all 0 give a loss of 0, and NaN for what is a mean of rows.

    Raises `SpecError` for names that do not fit the loss, `ShapeError` for shapes that do not fit.
    """
    check_metrics(names, loss, output.shape[-1])
    output = output.astype(wide(output.dtype))
    metrics: Metrics = {}
    with error_path("loss"):
        if "loss" in names:
            losses = loss.per_example(output, target)
            metrics["loss"] = (losses * normalized_weights(weight, losses)).sum()
        else:
            jax.eval_shape(loss.per_example, output, target)  # the shapes fit
        others = [name for name in names if name != "loss"]
        if not others:
            return metrics
        row_weights = _row_weights(weight, output)
        if loss.task == "regression":
            target = _rows(paired(output, target))
            metrics |= regression_metrics(others, _rows(output), target, row_weights, target_scale)
        else:
            target = target.reshape(-1, *target.shape[output.ndim - 1 :])
            metrics |= classification_metrics(others, loss, _rows(output), target, row_weights)
    return {name: metrics[name] for name in names}


def _rows(values: jax.Array) -> jax.Array:
    return values.reshape(-1, values.shape[-1])


def _row_weights(weight: jax.Array | None, output: jax.Array) -> jax.Array | None:
    """A weight for each row of `_rows`, in the output's dtype: those of (N, T, O) repeat over T."""
    if weight is None:
        return None
    batch = output.shape[:-1]
    if weight.shape != batch[: weight.ndim]:
        raise ShapeError(f"the output has shape {output.shape}, the weights {weight.shape}")
    weight = jnp.expand_dims(weight, tuple(range(weight.ndim, len(batch))))
    return jnp.broadcast_to(weight, batch).ravel().astype(output.dtype)
