"""fnn summary: what a network is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.network import Network


@dataclass(frozen=True)
class Summary:
    """Layers, shapes, parameters, FLOPs and bytes of a network."""

    inputs: Positional[int]
    """Features of one example."""
    outputs: Positional[int]
    """Outputs of the last layer."""
    network: OmitArgPrefixes[Network] = field(default_factory=Network)

    def run(self) -> None:
        """Print the table."""
        from fnn.report import summary
        from fnn.shapes import shape

        print(summary(self.network.build(self.outputs), shape(self.inputs)))
