"""The options that describe a network, shared by the subcommands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fnn.cli.options.option import option, option_errors

if TYPE_CHECKING:
    from fnn.combinators import Serial


@dataclass(frozen=True)
class NetworkOptions:
    """Layers of units, each followed by its activation and by dropout."""

    hidden: Annotated[tuple[int, ...], option("[N …]")] = (128, 64)
    """Units of each hidden layer; none after it: no hidden layer."""
    activation: Annotated[str, option("NAME")] = "relu"
    """relu, tanh, sigmoid, leaky_relu, elu, selu, gelu, silu, mish, … (fnn.activations)."""
    dropout: Annotated[float | None, option("RATE", "None")] = 0.2
    """Share of units dropped after each hidden layer; None for no such layers."""
    batch_norm: Annotated[bool, option()] = False
    """Normalize each hidden layer over the batch, before its activation."""

    def build(self, outputs: int, in_shape: tuple[int, ...] = (1,)) -> Serial:
        """The network these options describe; inputs of several axes are flattened first."""
        from fnn.combinators import Serial
        from fnn.layers import Flatten
        from fnn.networks import mlp

        with option_errors(self, rate="--dropout"):
            net = mlp(
                self.hidden,
                outputs,
                activation=self.activation,
                dropout=self.dropout,
                batch_norm=self.batch_norm,
            )
        return net if len(in_shape) == 1 else Serial(Flatten(len(in_shape)), *net.layers)
