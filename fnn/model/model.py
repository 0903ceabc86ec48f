"""A trained network, and what turns raw inputs into its own and its output into answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import jax
import numpy as np

from fnn.data import Prepared, Preprocessing
from fnn.layer import Tree
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
    params: Tree
    state: Tree
    in_shape: Tree
    preprocessing: Preprocessing | None = None

    @classmethod
    def of(cls, trained: TrainResult | EnsembleResult) -> Model:
        """What `fnn.train` or `fnn.ensemble` made: the parameters to use, with their preprocessing.

        Raises `FnnError` for an ensemble of a `Batch`, which has none.
        """
        if trained.prepared is None:
            raise FnnError("was trained on a Batch: fnn.model.Model(objective, …) takes its parts")
        fitted = trained.prepared.preprocessing
        in_shape = shape(*fitted.in_shape)
        return cls(trained.run.objective, trained.params, trained.state, in_shape, fitted)

    @classmethod
    def of_member(cls, outcome: MemberResult, prepared: Prepared) -> Model:
        """What a member of a sweep came to. Raises `FnnError` where its parameters went."""
        if outcome.params is None:
            raise FnnError(f"the parameters of member {outcome.index} were not kept: say keep=None")
        fitted = prepared.preprocessing
        in_shape = shape(*fitted.in_shape)
        objective = outcome.member.run.objective
        return cls(objective, outcome.params, outcome.state, in_shape, fitted)

    def apply(self, x: Tree) -> jax.Array:
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
        output = np.concatenate([np.asarray(self.apply(x[at : at + CHUNK])) for at in starts])
        return as_logits(self.objective.loss, output)

    def predict(self, inputs: Any, *, unknown: Unknown = "error") -> np.ndarray:
        """Names of classes, or numbers in the target's own units, for rows of raw inputs.

        `unknown` says what becomes of values that no training row foresaw, as in
        `Preprocessing.encode`. Raises `FnnError` without a preprocessing, and `DataError` for
        inputs it can't encode.
        """
        fitted = self._fitted()
        return fitted.decode(self.output(fitted.encode(inputs, unknown=unknown)))

    def probabilities(self, inputs: Any, *, unknown: Unknown = "error") -> np.ndarray:
        """The probability of every class [B, C] for rows of raw inputs; errors as in `predict`."""
        fitted = self._fitted()
        return fitted.probabilities(self.output(fitted.encode(inputs, unknown=unknown)))

    def spread(self, inputs: Any, *, unknown: Unknown = "error") -> np.ndarray:
        """The standard deviation over an ensemble's members, in the target's own units, for rows.

        Of a regression (`fnn.ensembles.Predictive` says what it tells). Raises `FnnError` for
        classes and for one network; errors as in `predict`.
        """
        from fnn.ensembles.uncertainty import predictive

        fitted = self._fitted()
        x = fitted.encode(inputs, unknown=unknown)
        return predictive(self.objective, self.params, self.state, x, fitted).spread

    @functools.cached_property
    def _ready(self) -> tuple[Callable[..., jax.Array], list[jax.Array]]:
        """The compiled call, and the leaves on the device: a row takes microseconds, not walks."""
        objective = numbers(self.objective, wide(self.objective.policy.dtype))
        whole = jax.device_put((objective, self.params, self.state))
        leaves, structure = jax.tree.flatten(whole)
        return _compiled(structure), leaves

    def _fitted(self) -> Preprocessing:
        if self.preprocessing is None:
            raise FnnError("this model was kept without preprocessing: apply() takes encoded rows")
        return self.preprocessing


@functools.lru_cache(maxsize=64)
def _compiled(structure: Any) -> Callable[..., jax.Array]:
    """What models of one structure share, from their leaves and inputs to the output."""

    @jax.jit
    def apply(leaves: list[jax.Array], x: Tree) -> jax.Array:
        objective, params, state = structure.unflatten(leaves)
        output: jax.Array = objective.predict(params, state, x)
        return output

    return apply
