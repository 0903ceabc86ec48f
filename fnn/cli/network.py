"""The options that describe a network, shared by the subcommands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnn.combinators import Serial


@dataclass(frozen=True)
class Network:
    """The network, as options."""

    hidden: tuple[int, ...] = (128, 64)
    """Units of each hidden layer."""
    activation: str = "relu"
    """Any of fnn.activations: relu, tanh, sigmoid, leaky_relu, elu, selu, gelu, silu, mish, …"""
    dropout: float | None = 0.2
    """Share of units dropped after each hidden layer, or None."""
    batch_norm: bool = False
    """Normalise each hidden layer over the batch, before its activation."""

    def build(self, outputs: int) -> Serial:
        """The network these options describe."""
        from fnn.networks import mlp

        return mlp(
            self.hidden,
            outputs,
            activation=self.activation,
            dropout=self.dropout,
            batch_norm=self.batch_norm,
        )
