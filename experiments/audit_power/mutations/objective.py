"""Mistakes in the mean over the batch, in sample weights and in penalties."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from experiments.audit_power.mutations.fault import ANY, Site, fault
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import PyTree, is_weight
from fnn.losses import L1, L2, Penalty
from fnn.objective import Batch, Objective

OUTPUT = ("output",)


def weighted(site: Site) -> bool:
    """The examples carry weights."""
    return site.batch.weight is not None


def over_time(site: Site) -> bool:
    """The outputs have an axis of time."""
    return len(site.shape.shape) > 1


@fault(
    Objective,
    leaf=OUTPUT,
    diagnosis=Diagnosis(Mistake.NOT_DIVIDED, tensor="B, the number of examples,"),
)
def batch_mean_forgotten(objective: Objective, output: Any, batch: Batch) -> Any:
    """The gradient of the sum over the batch: 1/B is missing."""
    return output.shape[0] * objective.output_gradient(output, batch)


@fault(
    Objective,
    leaf=OUTPUT,
    diagnosis=Diagnosis(Mistake.DIVIDED_AGAIN, tensor="B, the number of examples,"),
)
def batch_mean_taken_twice(objective: Objective, output: Any, batch: Batch) -> Any:
    """1/B² for 1/B: once in the loss and once in the step."""
    return objective.output_gradient(output, batch) / output.shape[0]


@fault(Objective, leaf=OUTPUT, diagnosis=(Mistake.NOT_DIVIDED, Mistake.FACTOR), fits=over_time)
def mean_over_time_forgotten(objective: Objective, output: Any, batch: Batch) -> Any:
    """The value is a mean over batch and time, the gradient a sum over time."""
    return output.shape[1] * objective.output_gradient(output, batch)


@fault(Objective, leaf=OUTPUT, diagnosis=Mistake.SIGN)
def whole_gradient_negated(objective: Objective, output: Any, batch: Batch) -> Any:
    """The step downhill for the gradient."""
    return -objective.output_gradient(output, batch)


@fault(
    Objective,
    leaf=OUTPUT,
    diagnosis=(
        Mistake.WEIGHTS_LEFT_OUT,
        Mistake.WEIGHTS_TWICE,
        Mistake.NOT_DIVIDED,
        Mistake.DIVIDED_AGAIN,
    ),
    fits=weighted,
)
def weights_not_normalized(objective: Objective, output: Any, batch: Batch) -> Any:
    """Σ w ∂ℓ / B for Σ w ∂ℓ / Σ w."""
    assert batch.weight is not None
    mean = batch.weight.astype(output.dtype).mean()
    return mean * objective.output_gradient(output, batch)


@fault(Objective, leaf=OUTPUT, diagnosis=Mistake.WEIGHTS_LEFT_OUT, fits=weighted)
def weights_ignored(objective: Objective, output: Any, batch: Batch) -> Any:
    """Every example counts alike."""
    return objective.output_gradient(output, batch._replace(weight=None))


@fault(Objective, leaf=OUTPUT, diagnosis=Mistake.WEIGHTS_TWICE, fits=weighted)
def weights_applied_twice(objective: Objective, output: Any, batch: Batch) -> Any:
    """Σ w² ∂ℓ / Σ w²: once in the loss and once in the mean."""
    assert batch.weight is not None
    return objective.output_gradient(output, batch._replace(weight=jnp.square(batch.weight)))


@fault(
    Objective,
    leaf=OUTPUT,
    diagnosis=(Mistake.ELEMENTS_MISSING, Mistake.SLICE_MISSING, Mistake.FEW_ELEMENTS),
)
def last_example_left_out(objective: Objective, output: Any, batch: Batch) -> Any:
    """An off-by-one in the loop over the batch."""
    return objective.output_gradient(output, batch).at[-1].set(0)


@fault(L1, L2, leaf="weight", diagnosis=Mistake.MISSING)
def penalty_forgotten(penalty: Penalty, params: PyTree) -> PyTree:
    """The penalty is in the value and not in the gradient."""
    return jax.tree.map(jnp.zeros_like, params)


@fault(L1, L2, leaf=("bias", "scale", "shift"), diagnosis=Mistake.SPURIOUS)
def penalty_on_biases(penalty: Penalty, params: PyTree) -> PyTree:
    """Biases, scales and shifts are penalized too, in the gradient alone."""
    return jax.tree.map(lambda leaf: penalty.strength * penalty.slope(leaf), params)


@fault(L1, leaf="weight", diagnosis=Mistake.WRONG_TENSOR)
def weight_for_its_sign(penalty: L1, params: PyTree) -> PyTree:
    """λ w for λ sign(w): the other penalty's gradient."""

    def of(path: tuple[Any, ...], leaf: Any) -> Any:
        return penalty.strength * leaf if is_weight(path) else jnp.zeros_like(leaf)

    return jax.tree_util.tree_map_with_path(of, params)


@fault(L2, leaf="weight", diagnosis=Mistake.TWICE)
def penalty_without_its_half(penalty: L2, params: PyTree) -> PyTree:
    """2 λ w, the gradient of λ w², for that of ½ λ w²."""
    return jax.tree.map(lambda leaf: 2 * leaf, penalty.gradient(params))


@fault(L1, L2, leaf=ANY, diagnosis=Mistake.SIGN)
def penalty_subtracted(penalty: Penalty, params: PyTree) -> PyTree:
    """−λ f'(w): weights are driven apart."""
    return jax.tree.map(lambda leaf: -leaf, penalty.gradient(params))
