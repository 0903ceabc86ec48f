"""Predictions as CSV."""

from __future__ import annotations

import csv
import io
import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fnn.data.tables.csv_reader import is_number

if TYPE_CHECKING:
    from fnn.data import Preprocessing
    from fnn.model import Model


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""how a cell begins that Excel, LibreOffice and Google Sheets may run (OWASP, "CSV Injection")"""


class PredictionsCsv(NamedTuple):
    """Predictions as text, their number, and how many cells a spreadsheet may take for formulas."""

    text: str
    rows: int
    formulas: int


def predictions_csv(
    model: Model, fitted: Preprocessing, x: np.ndarray, *, escape_formulas: bool = False
) -> PredictionsCsv:
    """A line of headings and one for each encoded row: answer, probabilities or spread.

    With `escape_formulas`, an apostrophe stands before the cells that a spreadsheet may take for
    formulas; it then shows them as they are, and other programs read the apostrophe as well.
    """
    output = model.output(x)
    predictions = fitted.decode(output)
    names, columns = [fitted.target_name], [predictions.reshape(len(predictions), -1)]
    if fitted.classes is not None:
        names += [f"p({name})" for name in fitted.classes]
        columns.append(_rounded(fitted.probabilities(output)))
    elif fitted.labels is not None:
        names = [*fitted.labels, *(f"p({name})" for name in fitted.labels)]
        columns.append(_rounded(fitted.probabilities(output)))
    else:
        if columns[0].shape[1] > 1:
            names = [f"{fitted.target_name}[{index}]" for index in range(columns[0].shape[1])]
        spread = _spread(model, fitted, x)
        if spread is not None:
            names += [f"spread({name})" for name in names]
            columns.append(spread.reshape(len(predictions), -1))
    text, formulas = _csv(names, columns, escape_formulas)
    return PredictionsCsv(text, len(predictions), formulas)


def _spread(model: Model, fitted: Preprocessing, x: np.ndarray) -> np.ndarray | None:
    """How far the members of an ensemble are apart; None for one network."""
    from fnn.combinators import Ensemble
    from fnn.ensembles import predictive

    if not isinstance(model.objective.net, Ensemble):
        return None
    return predictive(model.objective, model.params, model.state, x, fitted).spread


def _csv(names: list[str], columns: list[np.ndarray], escape: bool) -> tuple[str, int]:
    """The text, and how many cells are escaped, or would be."""
    text, formulas = io.StringIO(), 0
    writer = csv.writer(text, lineterminator="\n")
    rows = ([cell for part in row for cell in part.tolist()] for row in zip(*columns, strict=True))
    for row in itertools.chain([names], rows):
        formula_cells = [index for index, cell in enumerate(row) if _is_formula(cell)]
        formulas += len(formula_cells)
        for index in formula_cells if escape else ():
            row[index] = f"'{row[index]}"
        writer.writerow(row)
    return text.getvalue(), formulas


def _is_formula(cell: object) -> bool:
    """Whether a spreadsheet may run a cell; a number such as -1 is none."""
    return isinstance(cell, str) and cell.startswith(FORMULA) and not is_number(cell)


def _rounded(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities as text of 6 digits; other numbers keep all they have."""
    return np.array([[f"{p:.6g}" for p in row] for row in probabilities.tolist()])
