"""The figures of ensembles: what their axes hold, and that they become whole files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from fnn import figures
from fnn.figures import draw_predictive_spread, draw_reliability_diagram
from fnn.spec import ShapeError
from tests.test_figures import lines, words


class Bins(NamedTuple):
    """As `fnn.metrics.Reliability`."""

    rows: Any
    confidence: Any
    accuracy: Any


NAN = np.nan
SURE = Bins([0, 0, 4, 16], [NAN, NAN, 0.7, 0.9], [NAN, NAN, 0.5, 0.75])
UNSURE = Bins([0, 10, 10, 0], [NAN, 0.5, 0.7, NAN], [NAN, 0.8, 0.7, NAN])


def bars(axes: Any) -> list[tuple[float, float]]:
    """Where they begin and end, from left to right and from below."""
    return [
        (round(bar.get_y(), 9), round(bar.get_y() + bar.get_height(), 9)) for bar in axes.patches
    ]


def test_a_panel_a_model() -> None:
    """Accuracy is solid, the gap is shaded above it or in it; one scale for all."""
    scores = {"one": {"ECE": 0.16, "NLL": 1.5}}
    figure = draw_reliability_diagram({"one": SURE, "eight": UNSURE}, scores=scores, title="$x")
    one, first, eight, second, legend = figure.axes
    assert bars(one) == [(0, 0.5), (0, 0.75), (0.5, 0.7), (0.75, 0.9)]
    assert bars(eight) == [(0, 0.5), (0, 0.7), (0.5, 0.8)]
    assert words(one) == ["ECE 0.1600 · NLL 1.5000\nconfidence 0.860 · accuracy 0.700 · 20 rows"]
    assert words(eight) == ["confidence 0.600 · accuracy 0.750 · 20 rows"]
    assert [bar.get_height() for bar in first.patches] == [0, 0, 0.2, 0.8]
    assert [bar.get_height() for bar in second.patches] == [0, 0.5, 0.5, 0]
    np.testing.assert_allclose(
        [line.get_xdata() for line in first.get_lines()], [[0.86] * 2, [0.7] * 2]
    )
    assert one.get_xlim() == eight.get_xlim() == (0.25, 1)
    assert first.get_ylim() == second.get_ylim() and first.get_ylim()[1] > 0.8
    assert [text.get_text() for text in legend.get_legend().get_texts()] == [
        *("calibrated", "accuracy", "gap: too sure", "gap: too unsure"),
        *("confidence of all rows", "accuracy of all rows"),
    ]
    assert one.get_legend() is None and first.get_legend() is None
    assert (one.get_title(), one.get_ylabel(), second.get_xlabel()) == (
        "one",
        "accuracy",
        "confidence",
    )


@pytest.mark.parametrize("rows", [[0, 0, 0, 20], [0, 0, 1, 19], [5, 5, 5, 5]])
def test_shares_of_rows_are_shares(rows: list[int]) -> None:
    """Their axis ends at 1, however many rows are in one bin."""
    where = np.array([0.2, 0.4, 0.6, 0.8])
    _, histogram, _ = draw_reliability_diagram({"one": Bins(rows, where, where)}).axes
    assert max(rows) / 20 <= histogram.get_ylim()[1] <= 1


def test_many_models_stand_in_rows() -> None:
    figure = draw_reliability_diagram({str(number): SURE for number in range(4)})
    assert len(figure.axes) == 9
    assert figure.get_size_inches()[1] > 11


def test_bins_that_say_nothing() -> None:
    nothing = Bins([0, 0], [NAN, NAN], [NAN, NAN])
    assert words(draw_reliability_diagram({"one": nothing}).axes[0]) == ["no finite values"]
    assert draw_reliability_diagram({}).axes == []
    weights = Bins([0.5, 1], [0.4, 0.8], [0.5, 0.5])
    assert words(draw_reliability_diagram({"one": weights}).axes[0])[0].endswith("weight 1.5")
    with pytest.raises(ShapeError, match="one: expected three rows of bins"):
        draw_reliability_diagram({"one": Bins([1, 2], [0.5], [0.5])})


def test_spread() -> None:
    """Errors that are normal with the spread as deviation are covered as they should be."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(1, 10, 20_000)
    mean = rng.normal(size=spread.size)
    true = mean + spread * rng.normal(size=spread.size)
    left, right = draw_predictive_spread(true[:, None], mean, spread, name="price ($)").axes
    x, y = lines(right)["mean ± z · spread"]
    np.testing.assert_allclose(y, x, atol=0.01)
    x, y = lines(left)["root mean square error"]
    np.testing.assert_allclose(y, x, rtol=0.1)
    assert (left.get_xlabel(), left.get_ylabel()) == (
        "spread of the members, price ($)",
        "|error|, price ($)",
    )
    half = draw_predictive_spread(true, mean, spread / 2).axes[1]
    x, y = lines(half)["mean ± z · spread"]
    assert (np.array(y) < x).all()


@pytest.mark.parametrize("rows", [1, 3])
def test_few_rows(rows: int) -> None:
    """Also of members that agree exactly; what is not finite is left out."""
    left, right = draw_predictive_spread(np.ones(rows), np.zeros(rows), np.zeros(rows)).axes
    assert lines(left)["root mean square error"][1] == [1.0] * rows
    assert set(lines(right)["mean ± z · spread"][1]) == {0}
    axes = draw_predictive_spread([NAN] * rows, np.ones(rows), np.ones(rows)).axes[0]
    assert words(axes) == ["no finite values"]


def test_rows_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"spread: expected shape \(N,\) or \(N, 1\)"):
        draw_predictive_spread(np.ones(3), np.ones(3), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="3 rows are true, 3 predicted, 2 spread"):
        draw_predictive_spread(np.ones(3), np.ones(3), np.ones(2))


WRITERS: dict[str, Any] = {
    "one model": lambda path: figures.reliability_diagram({"one": SURE}, path, title="$ a"),
    "two": lambda path: figures.reliability_diagram({"one": SURE, "8": UNSURE}, path),
    "spread": lambda path: figures.predictive_spread([1, 2, 3], [1, 2, 4], [1, 2, 1], path),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_png_is_written(tmp_path: Path, write: Any) -> None:
    from matplotlib.image import imread

    path = tmp_path / "figure.png"
    assert write(path) is None
    assert list(tmp_path.iterdir()) == [path]
    height, width, _ = imread(path).shape
    assert 800 < width < 1250 and 400 < height < 1250
