"""Networks of one kind, trained apart, as one network that averages them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np

from fnn.combinators import Ensemble
from fnn.layer import PyTree
from fnn.losses import Loss
from fnn.objective import Objective
from fnn.spec import SpecError, replace


def average_of(loss: Loss) -> Literal["mean", "softmax", "sigmoid"]:
    """How outputs are averaged under a loss: probabilities where it takes their logits.

    "softmax" for cross-entropy and "sigmoid" for binary cross-entropy; "mean" for numbers, for
    losses on probabilities, and for a loss of one's own that does not say otherwise by its
    `average`.
    """
    return loss.average


def combine(
    objective: Objective, members: Sequence[tuple[PyTree, PyTree]]
) -> tuple[Objective, PyTree, PyTree]:
    """The objective, parameters and state of an `Ensemble` of networks trained with `objective`.

    `members` are the parameters and the state of each. Raises `SpecError` for none.
    """
    if not members:
        raise SpecError("expected the parameters of at least one member, got none")
    net = Ensemble(objective.net, len(members), average_of(objective.loss))
    params, state = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    return replace(objective, net=net), {"inner": params}, {"inner": state}
