"""What figures read of an audit."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class StepLadder(Protocol):
    """Difference quotients of a leaf along one direction, over the step size."""

    @property
    def steps(self) -> np.ndarray: ...

    @property
    def slopes(self) -> np.ndarray: ...

    @property
    def noise(self) -> np.ndarray: ...

    @property
    def claimed(self) -> float: ...

    @property
    def best(self) -> float: ...


class AuditedLeaf(Protocol):
    """A leaf and how its gradient compares: a row of an audit (`fnn.audit.LeafRow`)."""

    @property
    def path(self) -> str: ...

    @property
    def verdict(self) -> str: ...

    @property
    def ladder(self) -> StepLadder | None: ...

    @property
    def error(self) -> np.ndarray | None: ...

    @property
    def difference(self) -> float | None: ...

    @property
    def limit(self) -> float: ...
