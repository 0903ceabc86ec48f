"""Predictions as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fnn.data import Preprocessing
    from fnn.model import Model


def predictions_csv(model: Model, fitted: Preprocessing, x: np.ndarray) -> tuple[str, int]:
    """A line of headings and one for each encoded row: answer, probabilities or spread.

    The text, and the number of rows.
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
    return _csv(names, columns), len(predictions)


def _spread(model: Model, fitted: Preprocessing, x: np.ndarray) -> np.ndarray | None:
    """How far the members of an ensemble are apart; None for one network."""
    from fnn.combinators import Ensemble
    from fnn.ensembles import predictive

    if not isinstance(model.objective.net, Ensemble):
        return None
    return predictive(model.objective, model.params, model.state, x, fitted).spread


def _csv(names: list[str], columns: list[np.ndarray]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in zip(*columns, strict=True):
        writer.writerow([cell for part in row for cell in part.tolist()])
    return text.getvalue()


def _rounded(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities as text of 6 digits; other numbers keep all they have."""
    return np.array([[f"{p:.6g}" for p in row] for row in probabilities.tolist()])
