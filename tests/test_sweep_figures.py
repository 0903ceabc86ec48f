"""Figures of sweeps: where values stand, what is marked, and that they become whole files."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fnn import figures
from fnn.figures import draw_sweep, draw_sweep_curves, draw_sweep_map
from fnn.figures.values import Scale, in_words
from fnn.search import SearchResult
from fnn.spec import FnnError, SpecError
from fnn.sweeps import Member, MemberResult, SweepResult

NAN = np.nan
LOSS, ACCURACY = "validation_loss", "validation_accuracy"
RATES = np.geomspace(1e-4, 1e-1, 16).tolist()


def outcome(
    settings: dict[str, Any], seed: int, history: Any, metric: str = LOSS, index: int = 0
) -> MemberResult:
    """A member that ended where its metric's history does; NaN at its end is a divergence."""
    history = np.asarray(history, float)
    diverged = not np.isfinite(history[-1])
    return MemberResult(
        index=index,
        member=Member({**settings, "seed": seed}, None, seed, 0),
        status="diverged" if diverged else "finished",
        epochs=len(history),
        best_epoch=None,
        values={metric: float(history[-1])},
        history={metric: history},
        params=None,
        state=None,
    )


def sweep_of(outcomes: list[MemberResult], metric: str = LOSS) -> SweepResult:
    return SweepResult(outcomes, len(outcomes), metric, 0.0, 1.0, 0.5, None)


def settings(over: dict[str, list[Any]], value: Any, seeds: int = 3, metric: str = LOSS) -> Any:
    """Of a grid: `value(settings, seed)` is a member's last, or its whole history."""
    made = []
    for values in itertools.product(*over.values()):
        point = dict(zip(over, values, strict=True))
        for seed in range(seeds):
            made.append(outcome(point, seed, np.atleast_1d(value(point, seed)), metric))
    return sweep_of(made, metric).settings()


def lines(axes: Any) -> dict[str, tuple[list[float], list[float]]]:
    found = {line.get_label(): line.get_data() for line in axes.get_lines()}
    return {label: (list(x), list(y)) for label, (x, y) in found.items()}


def overlap(axes: Any) -> bool:
    """Whether the legend lies over the panel, or leaves the figure."""
    axes.figure.tight_layout()
    FigureCanvasAgg(axes.figure).draw()
    legend, figure = axes.get_legend().get_window_extent(), axes.figure.bbox
    panel = axes.get_window_extent()
    return bool(legend.ymin < panel.ymax - 2 or legend.ymax > figure.ymax)


def ticks(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((None, "none"), ((), "none"), (True, "yes"), (False, "no"), (3, "3"), ("relu", "relu")),
        *((1e-4, "0.0001"), (np.float64(0.123456), "0.1235"), ((64, 32), "64, 32")),
    ],
)
def test_values_in_words(value: Any, words: str) -> None:
    assert in_words(value) == words


def test_all_digits_on_request() -> None:
    assert in_words(0.1 + 0.2, None) == "0.30000000000000004"


@pytest.mark.parametrize(
    ("values", "numeric", "log", "ordered"),
    [
        ([3, 1, 2], True, False, [1, 2, 3]),
        ([0.1, 0.2, 0.5], True, False, [0.1, 0.2, 0.5]),
        ([1e-1, 1e-4, 1e-2], True, True, [1e-4, 1e-2, 1e-1]),
        ([16, 32, 64, 128, 256], True, True, [16, 32, 64, 128, 256]),
        ([0, 1e-5, 1e-4, 1e-3], False, False, [0, 1e-5, 1e-4, 1e-3]),
        ([0.5, None, 0.2], False, False, [None, 0.2, 0.5]),
        ([True, False], False, False, [False, True]),
        ([(64, 32), (8,), ()], False, False, [(), (8,), (64, 32)]),
        (["tanh", "relu", "tanh"], False, False, ["relu", "tanh"]),
        ([0.01], True, False, [0.01]),
    ],
)
def test_where_values_stand(values: Any, numeric: bool, log: bool, ordered: Any) -> None:
    scale = Scale(values)
    assert (scale.numeric, scale.log, scale.values) == (numeric, log, ordered)
    assert [scale.index(value) for value in ordered] == list(range(len(ordered)))
    assert scale.at(ordered[-1]) == (ordered[-1] if numeric else len(ordered) - 1)


def test_a_sweep_over_rates() -> None:
    """A line of means over a log axis, a band of four seeds, dots, a ring, and crosses."""

    def loss(point: dict[str, Any], seed: int) -> float:
        far = np.log10(point["learning_rate"]) + 2
        return NAN if point["learning_rate"] == RATES[-1] and seed else 0.5 + far**2 / 50 + seed / 8

    found = settings({"learning_rate": RATES}, loss, 4)
    (axes,) = draw_sweep(found, title="a $title$").axes
    assert axes.get_xscale() == "log" and axes.get_yscale() == "linear"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning_rate", "validation loss")
    drawn = lines(axes)
    x, y = drawn["mean"]
    np.testing.assert_allclose(x, RATES)
    by_rate = {s.settings["learning_rate"]: s for s in found}
    np.testing.assert_allclose(y, [by_rate[rate].mean for rate in RATES])
    np.testing.assert_allclose(drawn["best"], ([0.01], [0.6875]))
    np.testing.assert_allclose(drawn["diverged"][0], RATES[-1:])
    dots, band = axes.collections
    assert len(dots.get_offsets()) == 4 * 16 and (dots.get_label(), band.get_label()) == (
        "seed",
        "95 % interval",
    )
    low, high = band.get_paths()[0].get_extents().get_points()[:, 1]
    known = [setting for setting in found if np.isfinite(setting.low)]
    assert (low, high) == (min(s.low for s in known), max(s.high for s in known))


@pytest.mark.parametrize(("seeds", "labels"), [(1, {"best"}), (64, {"mean", "best"})])
def test_one_seed_has_no_interval(seeds: int, labels: set[str]) -> None:
    found = settings({"rate": [0.1, 0.2, 0.5]}, lambda point, seed: point["rate"] + seed, seeds)
    (axes,) = draw_sweep(found).axes
    assert labels == {name for name in lines(axes) if name[0] != "_"}
    assert len(axes.collections) == (0 if seeds == 1 else 2)
    assert ticks(axes.xaxis) == ["0.1", "0.2", "0.5"]


def test_others_stand_at_their_best() -> None:
    """Every panel shows the best of the rest; categories have bars instead of a band."""
    over = {"learning_rate": [0.1, 0.01], "dropout": [None, 0.5], "hidden": [(8,), (4, 4)]}

    def accuracy(point: dict[str, Any], seed: int) -> float:
        return (
            0.9
            + (point["learning_rate"] == 0.01) / 20
            - (point["dropout"] is None) / 50
            + seed / 100
        )

    found = settings(over, accuracy, metric=ACCURACY)
    rate, dropout, hidden = draw_sweep(found, metric=ACCURACY).axes
    assert {axes.get_ylabel() for axes in (rate, dropout, hidden)} == {
        "validation accuracy,\nothers at their best"
    }
    np.testing.assert_allclose(lines(rate)["mean"][1], [0.96, 0.91])
    assert "setting" not in lines(dropout)
    np.testing.assert_allclose(lines(dropout)["mean"], ([0, 1], [0.94, 0.96]))
    assert ticks(dropout.xaxis) == ["none", "0.5"] and ticks(hidden.xaxis) == ["4, 4", "8"]
    assert [line.get_linestyle() for line in dropout.get_lines()[:1]] == ["None"]


def test_settings_that_were_drawn_are_points() -> None:
    generator = np.random.default_rng(0)
    made = [
        outcome({"rate": rate, "decay": decay}, seed, [rate + decay + seed / 10])
        for rate, decay in zip(
            generator.random(9).tolist(), (10.0 ** -np.arange(9)).tolist(), strict=True
        )
        for seed in range(2)
    ]
    found = sweep_of(made).settings()
    rate, decay = draw_sweep(found).axes
    assert [axes.get_ylabel() for axes in (rate, decay)] == ["validation loss"] * 2
    assert all(axes.get_lines()[0].get_linestyle() == "None" for axes in (rate, decay))
    axes, _ = draw_sweep_map(found, ("rate", "decay")).axes
    points = axes.collections[0]
    assert len(points.get_offsets()) == 9 and axes.get_yscale() == "log"


@pytest.mark.parametrize("found", [[], settings({"rate": [0.1, 0.2]}, lambda p, s: NAN)])
def test_nothing_to_see(found: Any, tmp_path: Path) -> None:
    for draw in (draw_sweep, draw_sweep_curves):
        (axes,) = draw(found).axes
        assert [text.get_text() for text in axes.texts] == ["no finite values"]
    figures.sweep(found, tmp_path / "a.png")


def test_wide_and_far_values_leave_room_for_the_others() -> None:
    def wild(point: dict[str, Any], seed: int) -> float:
        return 1e6 if point["rate"] == 0.5 else 0.1

    found = settings({"rate": [0.1, 0.2, 0.5]}, wild, 1)
    (axes,) = draw_sweep(found).axes
    assert axes.get_yscale() == "log"
    r2 = settings({"rate": [0.1, 0.2, 0.5]}, lambda p, s: -wild(p, s) + 0.9, 1, "validation_r2")
    (axes,) = draw_sweep(r2, metric="validation_r2").axes
    assert -1.5 < axes.get_ylim()[0] < -1 and axes.get_ylabel() == "validation R²"


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_seeds_do_not_scale_the_axis(seeds: int) -> None:
    """Intervals of two are nine times as wide as they are apart: bars, with arrows where cut."""
    found = settings({"rate": [0.1, 0.2]}, lambda p, s: 1 + p["rate"] + s, seeds)
    (axes,) = draw_sweep(found).axes
    low, high = axes.get_ylim()
    assert -0.1 < low < 1.1 and 0.2 + seeds < high < 0.8 + seeds
    assert [kind.get_label() for kind in axes.collections] == ["seed", "95 % interval"]
    ends = [segment[:, 1].tolist() for segment in axes.collections[1].get_segments()]
    np.testing.assert_allclose(sorted(ends), sorted([s.low, s.high] for s in found))
    arrows = [line for line in axes.get_lines() if line.get_label() == "goes on beyond"]
    assert {line.get_marker() for line in arrows} == {"v", "^"}
    assert "goes on beyond" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_intervals_of_many_seeds_are_whole() -> None:
    found = settings({"rate": [0.1, 0.2]}, lambda p, s: p["rate"] + s / 8, 8)
    (axes,) = draw_sweep(found).axes
    low, high = axes.get_ylim()
    assert low < min(s.low for s in found) and max(s.high for s in found) < high
    assert "goes on beyond" not in lines(axes)


@pytest.mark.parametrize("seeds", [2, 4])
def test_an_interval_below_zero_on_a_log_axis(seeds: int) -> None:
    """It is cut at the panel's edge, and still there."""
    found = settings({"rate": [0.1, 0.2]}, lambda p, s: p["rate"] * 30.0**s, seeds)
    (axes,) = draw_sweep(found).axes
    low, high = axes.get_ylim()
    assert axes.get_yscale() == "log" and all(setting.low < 0 for setting in found)
    assert 0.01 < low < 0.1 and high < 10 * 0.2 * 30.0 ** (seeds - 1)
    drawn = np.concatenate([path.vertices[:, 1] for path in axes.collections[1].get_paths()])
    assert 0 < drawn.min() < low
    assert [float(x) for x in lines(axes)["goes on beyond"][0]] == [0.1, 0.2]


def test_intervals_end_where_the_metric_does() -> None:
    """No room for accuracies above 1, nor for losses below 0."""
    values = {"rate": [0.1, 0.2]}
    found = settings(values, lambda p, s: 0.98 - p["rate"] + s / 30, 2, ACCURACY)
    assert max(s.high for s in found) > 1
    assert 0.89 < draw_sweep(found, metric=ACCURACY).axes[0].get_ylim()[1] <= 1.01
    found = settings(values, lambda p, s: p["rate"] + s / 5, 2)
    assert min(s.low for s in found) < 0
    assert draw_sweep(found).axes[0].get_ylim()[0] > -0.05


def search_settings(grid: bool) -> Any:
    """Thirty trials of one seed each; two diverged, and two were let go with the lowest losses."""
    draw = np.random.default_rng(0)
    made = []
    for index, (activation, width) in enumerate(itertools.product(["relu", "tanh"], range(15))):
        rate = 0.1 if grid else float(draw.random())
        point = {"rate": rate, "activation": activation, "hidden": (width,)}
        loss = NAN if index in (3, 20) else 0.5 + width / 10
        made.append(outcome(point, 0, [loss], index=index))
    for index in (7, 22):
        made[index] = replace(made[index], status="retired", values={LOSS: 0.1})
    return SearchResult(made, 30, LOSS, 0.0, 1.0, 0.5, None, spent=30).settings()


@pytest.mark.parametrize("grid", [False, True])
def test_every_trial_of_a_search(grid: bool) -> None:
    """Beside the best of a category all others, spread; hollow ones were let go early."""
    found = search_settings(grid)
    assert found[0].mean == 0.5
    *_, activation, hidden = draw_sweep(found, every=True).axes
    assert activation.get_ylabel() == "validation loss"
    drawn = lines(activation)
    np.testing.assert_allclose(drawn["best of a value"], ([0, 1], [0.5, 0.5]))
    x, y = drawn["setting"]
    assert len(x) == len(set(x)) == 30 - 2 - 2 - 2
    assert np.abs(np.subtract(x, np.round(x))).max() < 0.4 and min(y) == pytest.approx(0.6)
    gone = [line for line in activation.get_lines() if line.get_label() == "let go early"]
    assert [line.get_markerfacecolor() for line in gone] == ["none"]
    assert list(gone[0].get_ydata()) == [0.1, 0.1]
    low, high = activation.get_ylim()
    assert low < 0.1 and high > 1.9
    assert len(drawn["diverged"][0]) == 2
    assert lines(hidden)["best"] == ([0.0], [0.5])


@pytest.mark.parametrize("higher", [False, True])
def test_a_map(higher: bool) -> None:
    """Means in the cells; the best is bright and ringed; a cell without a value is gray."""
    metric = ACCURACY if higher else LOSS
    over = {"rate": [0.1, 0.2, 0.3], "hidden": [(8,), (4, 4)]}

    def value(point: dict[str, Any], seed: int) -> float:
        if point["hidden"] == (8,) and point["rate"] == 0.3:
            return NAN
        return point["rate"] + len(point["hidden"]) / 8 + seed / 100

    found = settings(over, value, metric=metric)
    axes, bar = draw_sweep_map(found, ("rate", "hidden"), metric=metric, higher=higher).axes
    image = axes.images[0]
    cells = np.ma.filled(image.get_array(), NAN)
    np.testing.assert_allclose(cells, [[0.36, 0.46, 0.56], [0.235, 0.335, NAN]])
    assert sorted(text.get_text() for text in axes.texts) == sorted(
        ["0.3600", "0.4600", "0.5600", "0.2350", "0.3350", "–"]
    )
    assert (ticks(axes.xaxis), ticks(axes.yaxis)) == (["0.1", "0.2", "0.3"], ["4, 4", "8"])
    x, y = axes.get_lines()[-1].get_data()
    assert (x.min(), y.min()) == ((1.5, -0.5) if higher else (-0.5, 0.5))
    best = found[0].mean
    brightness = [image.cmap(image.norm(mean))[:3] for mean in (best, *cells[np.isfinite(cells)])]
    assert sum(brightness[0]) == max(map(sum, brightness))
    assert bar.get_ylabel() == ("validation accuracy" if higher else "validation loss")


def test_a_map_of_many_cells() -> None:
    over = {"learning_rate": RATES, "rate": np.linspace(0, 0.5, 16).tolist(), "batch": [1, 2]}
    found = settings(over, lambda p, s: p["learning_rate"] * p["batch"] + p["rate"], 1)
    axes, bar = draw_sweep_map(found, ("learning_rate", "rate")).axes
    assert not axes.texts and axes.images[0].get_array().shape == (16, 16)
    assert bar.get_ylabel() == "validation loss, others at their best" and bar.get_yscale() == "log"
    assert len(ticks(axes.xaxis)) == 16
    with pytest.raises(SpecError, match="got 'seed'"):
        draw_sweep_map(found, ("rate", "seed"))


def test_curves() -> None:
    """Means and ranges of the best settings; one that stopped early, one that diverged."""

    def history(point: dict[str, Any], seed: int) -> np.ndarray:
        epochs = 4 if seed == 0 else 6
        values = point["rate"] + seed / 10 + np.arange(epochs, 0, -1)
        return np.append(values[:2], NAN) if point["rate"] == 0.3 and seed == 2 else values

    over = {"rate": [0.1, 0.2, 0.3], "batch": [8, 16]}
    found = settings(over, lambda p, s: history(p, s) + p["batch"])
    (axes,) = draw_sweep_curves(found, count=2).axes
    legend = axes.get_legend()
    assert not overlap(axes)
    labels = [f"rate {rate}, 3 seeds" for rate in (0.1, 0.2)]
    assert [text.get_text() for text in legend.get_texts()] == labels
    assert legend.get_title().get_text() == "batch 8"
    x, y = lines(axes)[labels[0]]
    assert x == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(y[-1], 1 + 0.1 + 0.15 + 8)
    (axes,) = draw_sweep_curves(found, count=6).axes
    crosses = [line for line in axes.get_lines() if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[2], [2]]


@pytest.mark.parametrize("seeds", [1, 3, 64])
def test_the_legend_covers_no_curve(seeds: int) -> None:
    over = {"a_name_much_too_long_for_a_legend": [1, 2, 3, 4, 5, 6], "b": [0.5]}
    found = settings(over, lambda p, s: np.linspace(9, s / 99, 5), seeds)
    (axes,) = draw_sweep_curves(found, title="some data").axes
    assert len(axes.get_legend().get_texts()) == 5 and not overlap(axes)


def test_long_names_are_told_apart() -> None:
    """By their ends; names of categories that have no room side by side are turned."""
    path = "net.layers[2].block.layers[0].normalization."
    over = {f"{path}momentum": ["a" * 18, "b" * 18, "c$"], f"{path}epsilon": [1e-3, 1e-2]}
    found = settings(over, lambda p, s: [3, 2, p[f"{path}epsilon"] + s], 2)
    (axes,) = draw_sweep_curves(found).axes
    assert len({text.get_text() for text in axes.get_legend().get_texts()}) == 5
    momentum, epsilon = draw_sweep(found).axes
    assert momentum.get_xlabel().endswith(".momentum") and momentum.get_xlabel()[0] == "…"
    assert {label.get_rotation() for label in momentum.get_xticklabels()} == {40}
    assert {label.get_rotation() for label in epsilon.get_xticklabels()} == {0}


def test_scores_have_no_log_scale() -> None:
    found = settings({"rate": [0.1, 0.2]}, lambda p, s: 0.001 if s else 0.9, 2, ACCURACY)
    (axes,) = draw_sweep(found, metric=ACCURACY).axes
    assert axes.get_yscale() == "linear" and axes.get_ylim()[1] < 1.02


def test_what_is_not_drawn_does_not_scale_the_axis() -> None:
    """One seed of three goes on, to a tenth."""
    found = settings({"rate": [0.1]}, lambda p, s: [3.0, 2.0, NAN if s else 0.2], 3)
    assert draw_sweep_curves(found).axes[0].get_ylim()[0] > 1.9


def test_a_sweep_becomes_files(tmp_path: Path) -> None:
    over = {"rate": [0.1, None], "hidden": [(8,), (4, 4)], "norm": [True, False]}
    found = [
        outcome(point, seed, [2.0, 1.0 + seed], index=index)
        for index, (*values, seed) in enumerate(itertools.product(*over.values(), range(2)))
        for point in [dict(zip(over, values, strict=True))]
    ]
    made = sweep_of(found)
    made.save(tmp_path / "a" / "b", title="some data")
    files = {path.name for path in (tmp_path / "a" / "b").iterdir()}
    maps = {f"map-{pair}.png" for pair in ("rate-hidden", "rate-norm", "hidden-norm")}
    assert files == {"members.parquet", "history.parquet", "sweep.png", "curves.png", *maps}
    frame = pd.read_parquet(tmp_path / "a" / "b" / "members.parquet")
    assert frame.index.name == "member" and len(frame) == 16
    assert frame["hidden"].tolist()[:5] == ["8"] * 4 + ["4, 4"]
    assert frame["rate"].isna().sum() == 8 and frame["norm"].tolist()[:3] == [True, True, False]
    assert frame[LOSS].tolist()[:2] == [1.0, 2.0]
    history = pd.read_parquet(tmp_path / "a" / "b" / "history.parquet")
    assert history.columns.tolist() == ["member", "epoch", LOSS]
    assert history[history.member == 3][LOSS].tolist() == [2.0, 2.0]
    with pytest.raises(FnnError, match="no member was trained"):
        sweep_of([]).save(tmp_path / "c")
    (tmp_path / "file").touch()
    with pytest.raises(FnnError, match=r"file"):
        made.save(tmp_path / "file", figures=False)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from fnn.sweeps import export

    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "pyarrow" else object())
    with pytest.raises(FnnError, match=r"need pyarrow: pip install 'fnn\[sweeps,plots\]'"):
        sweep_of([outcome({}, 0, [1.0])]).save(tmp_path)
