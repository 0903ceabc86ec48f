"""Figures of runs, as PNG files. Needs matplotlib, of which only the object interface is used."""

from fnn.figures.audit import draw_gradient_audit, gradient_audit
from fnn.figures.by_epoch import curves, draw_curves
from fnn.figures.by_layer import draw_monitors, monitors
from fnn.figures.matrix import confusion_matrix, draw_confusion_matrix
from fnn.figures.scatter import (
    draw_predicted_against_true,
    predicted_against_true,
)

__all__ = [
    "confusion_matrix",
    "curves",
    "draw_confusion_matrix",
    "draw_curves",
    "draw_gradient_audit",
    "draw_monitors",
    "draw_predicted_against_true",
    "gradient_audit",
    "monitors",
    "predicted_against_true",
]
