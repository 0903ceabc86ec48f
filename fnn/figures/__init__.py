"""Figures of runs, as PNG files. Needs matplotlib, of which only the object interface is used."""

from fnn.figures.audit import draw_gradient_audit, gradient_audit
from fnn.figures.by_epoch import curves, draw_curves
from fnn.figures.by_layer import draw_monitors, monitors
from fnn.figures.matrix import confusion_matrix, draw_confusion_matrix
from fnn.figures.reliability import draw_reliability_diagram, reliability_diagram
from fnn.figures.scatter import (
    draw_predicted_against_true,
    predicted_against_true,
)
from fnn.figures.search import draw_halving, draw_search, halving, search
from fnn.figures.spread import draw_predictive_spread, predictive_spread
from fnn.figures.sweeps.curves import draw_sweep_curves, sweep_curves
from fnn.figures.sweeps.map import draw_sweep_map, sweep_map
from fnn.figures.sweeps.metric import draw_sweep, sweep

__all__ = [
    "confusion_matrix",
    "curves",
    "draw_confusion_matrix",
    "draw_curves",
    "draw_gradient_audit",
    "draw_halving",
    "draw_monitors",
    "draw_predicted_against_true",
    "draw_predictive_spread",
    "draw_reliability_diagram",
    "draw_search",
    "draw_sweep",
    "draw_sweep_curves",
    "draw_sweep_map",
    "gradient_audit",
    "halving",
    "monitors",
    "predicted_against_true",
    "predictive_spread",
    "reliability_diagram",
    "search",
    "sweep",
    "sweep_curves",
    "sweep_map",
]
