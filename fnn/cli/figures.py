"""The figures of a run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnn.training.train import Trained


def draw(folder: Path, made: Trained) -> None:
    """Learning curves, what the test rows came out as, and the monitors where there are some.

    A run that diverged may have outputs that no figure of test rows can show.
    """
    import numpy as np

    from fnn import figures
    from fnn.metrics import as_logits, confusion
    from fnn.training.rows import output_rows

    title = made.prepared.dataset.name
    best = None if made.best is None else made.best.epoch
    shown = {name: values for name, values in made.history.items() if "/" not in name}
    watched = {name: values for name, values in made.history.items() if "/" in name}
    figures.curves(shown, folder / "curves.png", best=best, title=title)
    if watched:
        figures.monitors(watched, folder / "monitors.png")
    test, fitted = made.prepared.test, made.prepared.preprocessing
    if test is None:
        return
    output, target = output_rows(made.run.objective, made.params, made.state, test)
    output = as_logits(made.run.objective.loss, np.asarray(output))
    if not np.isfinite(output).all():
        return
    if fitted.classes is not None:
        chances = fitted.probabilities(output)
        counts = confusion(chances, target, len(fitted.classes))
        figures.confusion_matrix(counts, fitted.classes, folder / "confusion.png", title=title)
        return
    true, predicted = (
        fitted.decode(values).reshape(len(target), -1)
        for values in (np.reshape(target, output.shape), output)
    )
    for number, (ours, theirs) in enumerate(zip(predicted.T, true.T, strict=True), start=1):
        several = len(predicted.T) > 1
        file = folder / (f"predicted-{number}.png" if several else "predicted.png")
        name = f"{fitted.target_name} {number}" if several else fitted.target_name
        figures.predicted_against_true(theirs, ours, file, name=name, title=title)
