"""Figures: what their axes hold, and that they become whole files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fnn import figures
from fnn.figures import (
    draw_confusion_matrix,
    draw_curves,
    draw_monitors,
    draw_predicted_against_true,
)
from fnn.spec import FnnError, ShapeError

NAN, INF = np.nan, np.inf


def falling(epochs: int, low: float = 0.01) -> np.ndarray:
    return np.geomspace(2.3, low, epochs)


def lines(axes: Any) -> dict[str, tuple[list[float], list[float]]]:
    found = {line.get_label(): line.get_data() for line in axes.get_lines()}
    return {label: (list(x), list(y)) for label, (x, y) in found.items()}


def words(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def classes_history(epochs: int) -> dict[str, np.ndarray]:
    there = {"loss": falling(epochs), "validation_loss": falling(epochs, 0.1)}
    return there | {"validation_accuracy": 1 - falling(epochs) / 3}


@pytest.mark.parametrize("epochs", [1, 6, 500])
def test_curves_of_classes(epochs: int) -> None:
    """Epochs count from 1; few of them, and one above all, are dots."""
    history = classes_history(epochs)
    loss, scores = draw_curves(history, best=epochs, title="digits").axes
    named = {"training": "loss", "validation": "validation_loss"}
    for label, key in named.items():
        assert lines(loss)[label] == (list(range(1, epochs + 1)), history[key].tolist())
    assert lines(loss)[f"best epoch, {epochs}"][0] == [epochs, epochs]
    assert [line.get_marker() for line in loss.get_lines()[:2]] == ["o" if epochs < 20 else ""] * 2
    assert (loss.get_yscale(), scores.get_yscale()) == ("log" if epochs > 1 else "linear", "linear")
    assert (loss.get_ylabel(), scores.get_ylabel()) == ("loss", "validation accuracy")
    low, high = loss.get_xlim()
    assert 0 < low < 1 and epochs < high < 1.1 * epochs + 1


def test_curves_of_quantities() -> None:
    """mse, mae and R² have a panel each, as they have units; a far-off beginning is cut."""
    scale = falling(40)
    history = {"loss": np.linspace(1, 0.1, 40), "validation_mse": 1e4 * scale}
    history |= {"validation_mae": 1e2 * scale, "validation_r2": 1 - 9 * scale}
    loss, squared, absolute, scores = draw_curves(history).axes
    assert list(lines(loss)) == ["training"] and loss.get_yscale() == "linear"
    assert [axes.get_ylabel() for axes in (squared, absolute)] == [
        "validation mse",
        "validation mae",
    ]
    assert squared.get_yscale() == absolute.get_yscale() == "log"
    assert scores.get_ylabel() == "validation R²" and scores.get_ylim()[0] == -1


def test_legends_cover_no_curve() -> None:
    history = classes_history(30)
    history |= {f"validation_{name}": falling(30) for name in ("ece", "brier", "nll", "f1")}
    figure = draw_curves(history, best=17, title="digits")
    figure.tight_layout()
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes:
        legend = axes.get_legend().get_window_extent()
        assert axes.get_window_extent().ymax - 2 < legend.ymin < legend.ymax < figure.bbox.ymax
        assert legend.xmax < figure.bbox.xmax


def test_curves_with_holes() -> None:
    """What was not validated leaves no hole, what is not finite no mark."""
    history = {"loss": np.array([1, 0.5, INF, NAN]), "gradient_norm/weight": np.ones(4)}
    history |= {
        "validation_loss": np.array([NAN, 0.7, NAN, 0.6]),
        "validation_auc": np.full(4, NAN),
    }
    loss, scores = draw_curves(history).axes
    assert lines(loss) == {"training": ([1, 2], [1, 0.5]), "validation": ([2, 4], [0.7, 0.6])}
    assert words(scores) == ["no finite values"]
    assert [len(draw_curves({"loss": values}).axes) for values in (np.ones(3), [])] == [1, 1]
    (axes,) = draw_curves({"loss": []}).axes
    assert words(axes) == ["no epoch ended"]


def test_a_loss_that_reaches_zero_keeps_its_log_scale() -> None:
    (axes,) = draw_curves({"loss": np.array([1.0, 0.1, 1e-3, 0.0])}).axes
    assert axes.get_yscale() == "log"
    (axes,) = draw_curves({"loss": np.array([1.0, 1e-3, -0.1])}).axes
    assert axes.get_yscale() == "linear"


def test_confusion_matrix() -> None:
    """Counts where there are any, recall at the side, long names cut in their middle."""
    counts = np.array([[30, 2, 0], [1, 3, 0], [0, 0, 0]])
    long = "a name much too long for the side of a matrix"
    (axes,) = draw_confusion_matrix(counts, ["a$b$", long, 3], "adult").axes
    assert words(axes) == ["30", "2", "1", "3", "recall", "0.938", "0.750", "–"]
    assert [text.get_position() for text in axes.texts[:4]] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    names = ["a$b$", "a name much… of a matrix", "3"]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == names
    shares = axes.images[0].get_array()
    np.testing.assert_allclose(shares, [[30 / 32, 2 / 32, 0], [0.25, 0.75, 0], [0, 0, 0]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_confusion_matrix_of_many_classes() -> None:
    """Beyond 20 classes colors without counts, beyond 60 not all names."""
    axes, bar = draw_confusion_matrix(np.eye(100, dtype=int), range(100)).axes
    assert words(axes) == [] and bar.get_ylabel() == "share of the true class"
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [str(name) for name in range(0, 100, 2)]
    big = draw_confusion_matrix(np.eye(20, dtype=int) * 12345, range(20)).axes[0]
    assert words(big)[:20] == ["12k"] * 20
    with pytest.raises(ShapeError, match=r"2 classes need counts of shape \(2, 2\), got \(3, 3\)"):
        draw_confusion_matrix(np.eye(3), ["a", "b"])


def test_predicted_against_true() -> None:
    true = np.array([0.0, 100, 200, 300, NAN])
    predicted = np.array([[10.0], [90], [210], [5000], [1]])
    (axes,) = draw_predicted_against_true(true, predicted, name="price ($)").axes
    assert words(axes) == ["R² -440.8060\nMAE 1,182\n4 rows\n1 outside\n1 not finite"]
    points = axes.collections[0].get_offsets()
    np.testing.assert_array_equal(points, np.stack([true[:4], predicted[:4, 0]], 1))
    low, high = axes.get_xlim()
    assert axes.get_ylim() == (low, high) and low < 0 and 300 < high < 400
    assert [list(values) for values in axes.get_lines()[0].get_data()] == [[low, high]] * 2
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true price ($)", "predicted price ($)")


def test_many_rows_are_counted() -> None:
    true = np.random.default_rng(0).normal(size=20_000)
    axes, bar = draw_predicted_against_true(true, true + 0.1).axes
    assert int(axes.collections[0].get_array().sum()) == 20_000
    assert bar.get_ylabel() == "rows" and "20,000 rows" in words(axes)[0]


@pytest.mark.parametrize(
    ("true", "told"), [([3.0], "R² –"), ([2, 2], "R² –"), ([NAN], "no finite")]
)
def test_rows_without_a_spread(true: Any, told: str) -> None:
    (axes,) = draw_predicted_against_true(true, np.full(len(true), 3.0)).axes
    assert told in words(axes)[0]


def test_rows_that_do_not_fit() -> None:
    with pytest.raises(
        ShapeError, match=r"predicted: expected shape \(N,\) or \(N, 1\), got \(3, 2\)"
    ):
        draw_predicted_against_true(np.ones(3), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="3 numbers are true, 2 are predicted"):
        draw_predicted_against_true(np.ones(3), np.ones(2))


def monitored(layers: int, epochs: int) -> dict[str, np.ndarray]:
    history = {"loss": falling(epochs)}
    for index in range(layers):
        for kind in ("gradient_norm", "update_ratio"):
            history[f"{kind}/layers[{index}].weight"] = falling(epochs)
            history[f"{kind}/layers[{index}].bias"] = falling(epochs)
        history[f"dead_units/layers[{index}]"] = np.linspace(0, 0.5, epochs)
    return history


@pytest.mark.parametrize(("layers", "named"), [(2, 2), (20, 20), (50, 20)])
def test_monitors(layers: int, named: int) -> None:
    """A panel a kind, a line a leaf, a color a layer; the legend stays short."""
    *panels, legend = draw_monitors(monitored(layers, 5)).axes
    assert [axes.get_yscale() for axes in panels] == ["log", "log", "linear"]
    assert [len(axes.get_lines()) for axes in panels] == [2 * layers, 2 * layers, layers]
    gradient = panels[0].get_lines()
    assert [line.get_linestyle() for line in gradient[:2]] == ["-", "--"]
    assert tuple(gradient[0].get_color()) == tuple(gradient[1].get_color())
    assert tuple(gradient[0].get_color()) != tuple(gradient[2].get_color())
    labels = [text.get_text() for text in legend.get_legend().get_texts()]
    assert len(labels) == named + 2 and labels[-2:] == ["weight", "bias"]
    assert labels[0] == "layers[0]" and labels[-3] == f"layers[{layers - 1}]"


def test_monitors_that_say_nothing() -> None:
    """Zeros have no log scale, NaN has no line, and there may be no monitors."""
    history = {"gradient_norm/weight": np.zeros(3), "update_ratio/weight": np.full(3, NAN)}
    zeros, missing, _ = draw_monitors(history).axes
    assert zeros.get_yscale() == "linear" and words(missing) == ["no finite values"]
    assert words(draw_monitors({"loss": np.ones(3)}).axes[0]) == ["no finite values"]


COUNTS = np.array([[9, 1], [2, 8]])
WRITERS = {
    "curves": lambda path: figures.curves(classes_history(3), path, best=2, title="a $ b $"),
    "confusion": lambda path: figures.confusion_matrix(COUNTS, ["鳥", "cat"], path, "birds"),
    "scatter": lambda path: figures.predicted_against_true([1, 2, 3], [1, 2, 4], path, name="$y"),
    "monitors": lambda path: figures.monitors(monitored(3, 4), path),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_png_is_written(tmp_path: Path, write: Any) -> None:
    """Whole, in the place of what was there, about 1,000 pixels wide, with something on it."""
    from matplotlib.image import imread

    path = tmp_path / "figure.png"
    path.write_bytes(b"before")
    assert write(path) is None
    assert list(tmp_path.iterdir()) == [path]
    height, width, _ = imread(path).shape
    assert 850 < width < 1250 and 400 < height < 1250
    assert 0.002 < (imread(path)[..., :3].min(-1) < 0.7).mean() < 0.6


@pytest.mark.parametrize(("name", "reason"), [("none/a.png", "does not exist"), ("", "folder")])
def test_a_place_that_can_not_be_written(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(FnnError, match=f"{tmp_path}.*{reason}"):
        WRITERS["curves"](tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(FnnError, match=r"figures need matplotlib: pip install 'fnn\[plots\]'"):
        WRITERS["curves"](tmp_path / "a.png")


def test_nothing_global_is_touched(tmp_path: Path) -> None:
    """No pyplot, no setting of matplotlib's changed; and importing the figures loads neither."""
    code = f"""
import sys, numpy as np
from fnn import figures
assert "matplotlib" not in sys.modules
import matplotlib
before = matplotlib.rcParams.copy()
figures.curves({{"loss": np.ones(3)}}, {str(tmp_path / "a.png")!r})
assert "matplotlib.pyplot" not in sys.modules
assert dict.__eq__(matplotlib.rcParams, before)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
