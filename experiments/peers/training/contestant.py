"""What a contestant is: a network of a work's, as the users of one library would write it."""

from __future__ import annotations

from typing import Protocol

from experiments.peers.training.workloads import Float, Params, Workload


class Contestant(Protocol):
    """Made from a `Workload`, whose rows it brings into whatever form it likes best.

    It returns from each call when all is done. Everything is float32, all cores are its own.
    """

    def __init__(self, work: Workload) -> None: ...

    def load(self, params: Params) -> None:
        """Start from these parameters."""

    def params(self) -> Params:
        """The parameters as they are."""

    def train(self, epochs: int) -> float:
        """Train on, each epoch in an order of its own; the mean loss of the last epoch's steps."""

    def evaluate(self) -> float:
        """The mean loss over the test rows."""

    def predict(self, x: Float) -> Float:
        """Outputs [N, O] on the host, logits or probabilities, for rows on the host."""
