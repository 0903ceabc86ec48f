"""The figures of a run's folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared, Preprocessing
    from fnn.ensembles import EnsembleResult
    from fnn.training.train import TrainResult

T = TypeVar("T")


def check_figures() -> None:
    """Raises `FnnError` where figures can't be drawn."""
    if find_spec("matplotlib") is None:
        raise FnnError(
            "needs matplotlib: pip install 'fnn[plots]', or say --no-figures", "--figures"
        )


def draw(folder: Path, made: TrainResult | EnsembleResult) -> None:
    """Learning curves, what the test rows came out as, and the monitors where there are some.

    A run that diverged may have outputs that no figure of test rows can show.
    """
    import numpy as np

    from fnn import figures
    from fnn.metrics import as_logits, confusion
    from fnn.training.rows import output_rows

    assert made.prepared is not None
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
    pairs = zip(true.T, predicted.T, strict=True)
    for file, name, (theirs, ours) in _targets(fitted, pairs, "predicted"):
        figures.predicted_against_true(theirs, ours, folder / file, name=name, title=title)


def _targets(
    fitted: Preprocessing, columns: Iterable[T], stem: str
) -> Iterator[tuple[str, str, T]]:
    """A file and a name for each column of the target, numbered where there are several."""
    several = fitted.outputs > 1
    for number, column in enumerate(columns, start=1):
        file = f"{stem}-{number}.png" if several else f"{stem}.png"
        yield file, f"{fitted.target_name} {number}" if several else fitted.target_name, column


def draw_members(folder: Path, made: EnsembleResult) -> None:
    """Of an ensemble's test rows: how reliable classes are; of numbers, what the spread tells."""
    assert made.prepared is not None
    if made.prepared.preprocessing.classes is None:
        _draw_spread(folder, made, made.prepared)
    else:
        _draw_reliability(folder, made, made.prepared)


def _draw_reliability(folder: Path, made: EnsembleResult, prepared: Prepared) -> None:
    """The member whose loss is the median, beside all of them together."""
    import jax.numpy as jnp
    import numpy as np

    from fnn import figures
    from fnn.ensembles import member_outputs
    from fnn.metrics import as_logits, brier, ece, nll, reliability
    from fnn.objective import Batch
    from fnn.training.rows import output_rows

    assert isinstance(prepared.test, Batch) and made.each_test is not None
    fitted, loss = prepared.preprocessing, made.objective.loss
    together, target = output_rows(made.objective, made.params, made.state, prepared.test)
    own = member_outputs(made.objective, made.params, made.state, prepared.test.x)
    if not np.isfinite(own).all():
        return
    losses = [scores["loss"] for scores in made.each_test]
    median = int(np.argsort(losses)[len(losses) // 2])
    outputs = {
        f"one network (seed {made.members[median].member.seed})": own[median],
        f"{len(made.members)} together": np.asarray(together),
    }
    bins, scores = {}, {}
    for name, output in outputs.items():
        p = jnp.asarray(fitted.probabilities(as_logits(loss, output)), jnp.float32)
        bins[name] = reliability(p, target)
        scores[name] = {
            words: float(score(p, target))
            for words, score in (("ECE", ece), ("Brier", brier), ("NLL", nll))
        }
    figures.reliability_diagram(
        bins, folder / "reliability.png", scores=scores, title=prepared.dataset.name
    )


def _draw_spread(folder: Path, made: EnsembleResult, prepared: Prepared) -> None:
    import numpy as np

    from fnn import figures
    from fnn.ensembles import predictive
    from fnn.objective import Batch

    assert isinstance(prepared.test, Batch)
    fitted, test = prepared.preprocessing, prepared.test
    found = predictive(made.objective, made.params, made.state, test.x, fitted)
    true = fitted.decode(np.reshape(test.target, (len(test.target), -1)))
    columns = (np.reshape(values, (len(true), -1)).T for values in (true, *found))
    for file, name, (ours, mean, spread) in _targets(fitted, zip(*columns, strict=True), "spread"):
        figures.predictive_spread(
            ours, mean, spread, folder / file, name=name, title=prepared.dataset.name
        )
