"""The figures of a run's folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from fnn.data import Prepared, Preprocessing
    from fnn.ensembles import EnsembleResult
    from fnn.training.train import TrainResult

T = TypeVar("T")


def can_draw() -> bool:
    """Whether the library that draws is installed."""
    return find_spec("matplotlib") is not None


def load_library() -> None:
    """Import what draws, in a thread: beside a compilation or a run it takes no time."""
    Thread(target=_import_library).start()


def _import_library() -> None:
    with suppress(Exception):  # drawing says what is wrong
        importlib.import_module("fnn.figures")
        importlib.import_module("matplotlib.backends.backend_agg")


def draw_run(folder: Path, result: TrainResult | EnsembleResult) -> None:
    """Learning curves, predictions of the test rows, and the monitors where there are some.

    A run that diverged may have outputs that no figure of test rows can show.
    """
    import numpy as np

    from fnn import figures
    from fnn.host import fetch
    from fnn.metrics import as_logits, confusion
    from fnn.training.rows import output_rows

    assert result.prepared is not None
    title = result.prepared.dataset.name
    best = None if result.best is None else result.best.epoch
    shown = {name: values for name, values in result.history.items() if "/" not in name}
    watched = {name: values for name, values in result.history.items() if "/" in name}
    figures.curves(shown, folder / "curves.png", best=best, title=title)
    if watched:
        figures.monitors(watched, folder / "monitors.png")
    test, fitted = result.prepared.test, result.prepared.preprocessing
    if test is None:
        return
    output, target = output_rows(result.run.objective, result.params, result.state, test)
    output = as_logits(result.run.objective.loss, fetch(output))
    if not np.isfinite(output).all():
        return
    if fitted.classes is not None:
        probabilities = fitted.probabilities(output)
        counts = confusion(probabilities, target, len(fitted.classes))
        figures.confusion_matrix(counts, fitted.classes, folder / "confusion.png", title=title)
        return
    if fitted.labels is not None:
        return
    true, predicted = (
        fitted.decode(values).reshape(len(target), -1)
        for values in (np.reshape(target, output.shape), output)
    )
    pairs = zip(true.T, predicted.T, strict=True)
    for file, name, (target, output) in _targets(fitted, pairs, "predicted"):
        figures.predicted_against_true(target, output, folder / file, name=name, title=title)


def _targets(
    fitted: Preprocessing, columns: Iterable[T], stem: str
) -> Iterator[tuple[str, str, T]]:
    """A file and a name for each column of the target, numbered where there are several."""
    several = fitted.outputs > 1
    for number, column in enumerate(columns, start=1):
        file = f"{stem}-{number}.png" if several else f"{stem}.png"
        yield file, f"{fitted.target_name} {number}" if several else fitted.target_name, column


def draw_members(folder: Path, result: EnsembleResult) -> None:
    """Of an ensemble's test rows: for classes a reliability diagram; for numbers, their spread."""
    assert result.prepared is not None
    if result.prepared.preprocessing.labels is not None:
        return
    if result.prepared.preprocessing.classes is None:
        _draw_spread(folder, result, result.prepared)
    else:
        _draw_reliability(folder, result, result.prepared)


def _draw_reliability(folder: Path, result: EnsembleResult, prepared: Prepared) -> None:
    """The member whose loss is the median, beside all of them together."""
    import jax.numpy as jnp
    import numpy as np

    from fnn import figures
    from fnn.ensembles import member_outputs
    from fnn.host import fetch
    from fnn.metrics import as_logits, brier, ece, nll, reliability
    from fnn.objective import Batch
    from fnn.training.rows import output_rows

    assert isinstance(prepared.test, Batch) and result.each_test is not None
    fitted, loss = prepared.preprocessing, result.objective.loss
    together, target = output_rows(result.objective, result.params, result.state, prepared.test)
    own = member_outputs(result.objective, result.params, result.state, prepared.test.x)
    if not np.isfinite(own).all():
        return
    losses = [scores["loss"] for scores in result.each_test]
    median = int(np.argsort(losses)[len(losses) // 2])
    outputs = {
        f"one network (seed {result.members[median].member.seed})": own[median],
        f"{len(result.members)} together": fetch(together),
    }
    bins, scores = {}, {}
    for name, output in outputs.items():
        p = jnp.asarray(fitted.probabilities(as_logits(loss, output)), jnp.float32)
        bins[name] = reliability(p, target)
        scores[name] = {
            label: float(score(p, target))
            for label, score in (("ECE", ece), ("Brier", brier), ("NLL", nll))
        }
    figures.reliability_diagram(
        bins, folder / "reliability.png", scores=scores, title=prepared.dataset.name
    )


def _draw_spread(folder: Path, result: EnsembleResult, prepared: Prepared) -> None:
    import numpy as np

    from fnn import figures
    from fnn.ensembles import predictive
    from fnn.objective import Batch

    assert isinstance(prepared.test, Batch)
    fitted, test = prepared.preprocessing, prepared.test
    spreads = predictive(result.objective, result.params, result.state, test.x, fitted)
    true = fitted.decode(np.reshape(test.target, (len(test.target), -1)))
    columns = (np.reshape(values, (len(true), -1)).T for values in (true, *spreads))
    for file, name, (target, mean, spread) in _targets(
        fitted, zip(*columns, strict=True), "spread"
    ):
        figures.predictive_spread(
            target, mean, spread, folder / file, name=name, title=prepared.dataset.name
        )
