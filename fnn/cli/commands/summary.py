"""fnn summary: the layers of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.options.imports import Imports, import_modules
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option_errors, word


@dataclass(frozen=True)
class SummaryCommand:
    """Layers, shapes, parameters, FLOPs and bytes of a network."""

    inputs: Annotated[Positional[int], word("INPUTS")]
    """Features of one example."""
    outputs: Annotated[Positional[int], word("OUTPUTS")]
    """Outputs of the last layer."""
    imports: Imports = ()
    """Modules to import first: those that define activations of your own."""
    network: OmitArgPrefixes[NetworkOptions] = field(default_factory=NetworkOptions)

    def run(self) -> int:
        """Print the table."""
        from fnn.network_summary import summary
        from fnn.shapes import shape

        import_modules(self.imports)
        with option_errors(units="OUTPUTS"):
            net = self.network.build(self.outputs)
        print(summary(net, shape(self.inputs)))
        return 0
