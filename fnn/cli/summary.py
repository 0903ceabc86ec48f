"""fnn summary: what a network is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.network import Network
from fnn.cli.options import as_typed, word


@dataclass(frozen=True)
class Summary:
    """Layers, shapes, parameters, FLOPs and bytes of a network."""

    inputs: Annotated[Positional[int], word("INPUTS")]
    """Features of one example."""
    outputs: Annotated[Positional[int], word("OUTPUTS")]
    """Outputs of the last layer."""
    network: OmitArgPrefixes[Network] = field(default_factory=Network)

    def run(self) -> int:
        """Print the table."""
        from fnn.network_summary import summary
        from fnn.shapes import shape

        with as_typed(units="OUTPUTS"):
            net = self.network.build(self.outputs)
        print(summary(net, shape(self.inputs)))
        return 0
