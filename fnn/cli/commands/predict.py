"""fnn predict: the predictions of a run's model for new rows."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.options.data import data_errors
from fnn.cli.options.devices import MachineOptions
from fnn.cli.options.imports import Imports, import_modules
from fnn.cli.options.option import option, word


@dataclass(frozen=True)
class PredictCommand:
    """Predict the rows of FILE with the model of RUN: a line a row, as CSV."""

    folder: Annotated[Positional[str], word("RUN")]
    """The folder of a run, or of a model."""
    file: Annotated[Positional[str], word("FILE")]
    """.csv, .tsv, .txt, .npy, .npz, IDX or a folder of x.npy, with or without the target."""
    out: Annotated[str | None, option("OUT", "standard output", aliases=["-o"])] = None
    """The file to write."""
    unknown: Annotated[Literal["error", "zeros"], option()] = "error"
    """What becomes of a category that no training row had: zeros takes it for none of them."""
    escape_formulas: Annotated[bool, option()] = False
    """Put an apostrophe before classes and headings that a spreadsheet would run as formulas."""
    imports: Imports = ()
    """Modules to import first: those that define layers of your own."""
    machine: OmitArgPrefixes[MachineOptions] = field(default_factory=MachineOptions)

    def run(self) -> int:
        """Write the predictions."""
        from fnn.cli.output.predictions import predictions_csv
        from fnn.data import read_inputs
        from fnn.files import write_bytes
        from fnn.runs.load import load_model, needs_float64

        self.machine.set_up(needs_float64(self.folder))
        import_modules(self.imports)
        model, fitted = load_model(self.folder)
        with data_errors(self.file):
            x = fitted.encode(read_inputs(self.file, fitted), unknown=self.unknown)
        text, rows, formulas = predictions_csv(
            model, fitted, x, escape_formulas=self.escape_formulas
        )
        if formulas and not self.escape_formulas:
            print(
                f"fnn: note: {formulas:,} {'cell' if formulas == 1 else 'cells'} would be run as "
                "formulas by a spreadsheet; --escape-formulas puts an apostrophe before such",
                file=sys.stderr,
            )
        if self.out is None:
            sys.stdout.write(text)
        else:
            write_bytes(self.out, text.encode())
            print(f"{rows:,} predictions in {self.out}")
        return 0
