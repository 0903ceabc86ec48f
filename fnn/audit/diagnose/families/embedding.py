"""Rows of a table that are looked up by integer inputs."""

from __future__ import annotations

import numpy as np

from fnn.audit.diagnose.registry import diagnoses
from fnn.audit.diagnose.wrong_leaf import WrongLeaf
from fnn.audit.diagnosis import Diagnosis, Mistake
from fnn.layer import Layer


@diagnoses(Layer)
def lookups(leaf: WrongLeaf) -> Diagnosis | None:
    """Rows of a table that several examples look up."""
    x, dy, table = leaf.x, leaf.array("dy"), leaf.params.get(leaf.leaf)
    if not isinstance(x, np.ndarray) or not np.issubdtype(x.dtype, np.integer):
        return None
    if table is None or dy is None:
        return None
    last, mean = np.zeros_like(leaf.claimed), leaf.expected.copy()
    for index in np.ndindex(*x.shape):
        last[x[index]] = dy[index]
    counts = np.bincount(x.ravel(), minlength=len(table))[: len(table)]
    mean /= np.maximum(counts, 1)[:, None]
    if leaf.same(leaf.claimed, last):
        return Diagnosis(Mistake.DUPLICATES_OVERWRITTEN)
    if leaf.same(leaf.claimed, mean):
        return Diagnosis(Mistake.DUPLICATES_AVERAGED)
    return None
