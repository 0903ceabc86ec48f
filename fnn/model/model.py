"""A trained network with its preprocessing: from raw inputs to predictions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import jax
import numpy as np

from fnn.data import Prepared, Preprocessing
from fnn.layer import PyTree
from fnn.metrics import as_logits
from fnn.objective import Objective
from fnn.shapes import shape, wide
from fnn.spec import FnnError, numbers

if TYPE_CHECKING:
    from fnn.ensembles import EnsembleResult
    from fnn.sweeps import MemberResult
    from fnn.training.train import TrainResult

Unknown: TypeAlias = Literal["error", "zeros"]
CHUNK = 4096
"""rows that `predict` takes through the network at a time"""


@dataclass(frozen=True, eq=False)
class Model:
    """An objective with its parameters, its state, and the preprocessing fitted beside them.

    `in_shape` is the shape of one encoded example, a pytree of `jax.ShapeDtypeStruct`. Without a
    `preprocessing` there is `apply` alone.
    """

    objective: Objective
    params: PyTree
    state: PyTree
    in_shape: PyTree
    preprocessing: Preprocessing | None = None

    @classmethod
    def of(cls, trained: TrainResult | EnsembleResult) -> Model:
        """The model of a result of `fnn.train` or `fnn.ensemble`, with its preprocessing.

        Raises `FnnError` for an ensemble of a `Batch`, which has none.
        """
        if trained.prepared is None:
            raise FnnError("was trained on a Batch: fnn.model.Model(objective, …) takes its parts")
        preprocessing = trained.prepared.preprocessing
        in_shape = shape(*preprocessing.in_shape)
        return cls(trained.run.objective, trained.params, trained.state, in_shape, preprocessing)

    @classmethod
    def of_member(cls, result: MemberResult, prepared: Prepared) -> Model:
        """The model of a sweep's member. Raises `FnnError` where its parameters were not kept."""
        if result.params is None:
            raise FnnError(f"the parameters of member {result.index} were not kept: say keep=None")
        preprocessing = prepared.preprocessing
        in_shape = shape(*preprocessing.in_shape)
        objective = result.member.run.objective
        return cls(objective, result.params, result.state, in_shape, preprocessing)

    def apply(self, x: PyTree) -> jax.Array:
        """The network's output [B, …] for encoded inputs [B, …]: `objective.predict`, compiled.

        Compiled once for every shape of `x`, and once for all models of one structure. Classes
        come as logits, and nothing is in the target's units: `predict` gives those. Raises
        `ShapeError` for inputs that the network does not take.
        """
        compiled, leaves = self._ready
        return compiled(leaves, x)

    def output(self, x: np.ndarray) -> np.ndarray:
        """The network's output on the host for any number of encoded rows, 4,096 at a time.

        Classes come as logits, of a network that ends in probabilities too.
        """
        starts = range(0, max(len(x), 1), CHUNK)
        output = np.concatenate(
            [np.asarray(self.apply(x[start : start + CHUNK])) for start in starts]
        )
        return as_logits(self.objective.loss, output)

    def predict(self, inputs: object, *, unknown: Unknown = "error") -> np.ndarray:
        """Names of classes, or numbers in the target's own units, for rows of raw inputs.

        `unknown` decides about values that no training row has, as in `Preprocessing.encode`.
        Raises `FnnError` without a preprocessing, and `DataError` for inputs it can't encode.
        """
        preprocessing = self._require_preprocessing()
        return preprocessing.decode(self.output(preprocessing.encode(inputs, unknown=unknown)))

    def probabilities(self, inputs: object, *, unknown: Unknown = "error") -> np.ndarray:
        """The probability of every class [B, C] for rows of raw inputs; errors as in `predict`."""
        preprocessing = self._require_preprocessing()
        return preprocessing.probabilities(
            self.output(preprocessing.encode(inputs, unknown=unknown))
        )

    def spread(self, inputs: object, *, unknown: Unknown = "error") -> np.ndarray:
        """The standard deviation over an ensemble's members, in the target's own units, by row.

        For a regression (`fnn.ensembles.Predictive` explains its meaning). Raises `FnnError` for
        classes and for one network; errors as in `predict`.
        """
        from fnn.ensembles.uncertainty import predictive

        preprocessing = self._require_preprocessing()
        x = preprocessing.encode(inputs, unknown=unknown)
        return predictive(self.objective, self.params, self.state, x, preprocessing).spread

    @functools.cached_property
    def _ready(self) -> tuple[Callable[..., jax.Array], list[jax.Array]]:
        """The compiled call, and the leaves on the device: no pytree is flattened for each call."""
        objective = numbers(self.objective, wide(self.objective.policy.dtype))
        on_device = jax.device_put((objective, self.params, self.state))
        leaves, structure = jax.tree.flatten(on_device)
        return _compiled(structure), leaves

    def _require_preprocessing(self) -> Preprocessing:
        if self.preprocessing is None:
            raise FnnError("this model was kept without preprocessing: apply() takes encoded rows")
        return self.preprocessing


@functools.lru_cache(maxsize=64)
def _compiled(structure: jax.tree_util.PyTreeDef) -> Callable[..., jax.Array]:
    """The compiled function of all models of one structure: (leaves, inputs) to the output."""

    @jax.jit
    def apply(leaves: list[jax.Array], x: PyTree) -> jax.Array:
        objective, params, state = structure.unflatten(leaves)
        output: jax.Array = objective.predict(params, state, x)
        return output

    return apply
