"""fnn predict: what a model that was kept says about new rows."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.load_model import about, kept_model
from fnn.cli.options.devices import MachineOptions
from fnn.cli.options.option import option, word

if TYPE_CHECKING:
    import numpy as np


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
    machine: OmitArgPrefixes[MachineOptions] = field(default_factory=MachineOptions)

    def run(self) -> int:
        """Write the predictions."""
        model, fitted = kept_model(self.folder, self.machine)
        from fnn.combinators import Ensemble
        from fnn.data import read_inputs
        from fnn.files import write_bytes

        with about(self.file):
            x = fitted.encode(read_inputs(self.file, fitted), unknown=self.unknown)
        output = model.output(x)
        answers = fitted.decode(output)
        names, columns = [fitted.target_name], [answers.reshape(len(answers), -1)]
        if fitted.classes is not None:
            names += [f"p({name})" for name in fitted.classes]
            columns.append(_rounded(fitted.probabilities(output)))
        else:
            if columns[0].shape[1] > 1:
                names = [f"{fitted.target_name}[{index}]" for index in range(columns[0].shape[1])]
            if isinstance(model.objective.net, Ensemble):
                from fnn.ensembles import predictive

                names += [f"spread({name})" for name in names]
                found = predictive(model.objective, model.params, model.state, x, fitted)
                columns.append(found.spread.reshape(len(answers), -1))
        text = _csv(names, columns)
        if self.out is None:
            sys.stdout.write(text)
        else:
            write_bytes(self.out, text.encode())
            print(f"{len(answers):,} predictions in {self.out}")
        return 0


def _csv(names: list[str], columns: list[np.ndarray]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in zip(*columns, strict=True):
        writer.writerow([cell for part in row for cell in part.tolist()])
    return text.getvalue()


def _rounded(shares: np.ndarray) -> np.ndarray:
    """Probabilities as text of 6 digits; other numbers keep all they have."""
    import numpy as np

    return np.array([[f"{share:.6g}" for share in row] for row in shares.tolist()])
