"""`--over NAME=VALUES`: what it says, and the runs that come of it."""

from __future__ import annotations

import re

import pytest

import fnn
from fnn.cli.commands.train import TrainCommand
from fnn.cli.options.axes import parse, parse_all, with_settings
from fnn.cli.options.single_run import prepare_data
from fnn.cli.options.values import check_value, format_settings
from fnn.cli.options.varied_run import build_run
from fnn.optimizers import SGD
from fnn.spec import FnnError
from fnn.sweeps import Range


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("learning_rate=0.1,1e-2", ("learning_rate", [0.1, 0.01])),
        ("learning-rate = 1", ("learning_rate", [1])),
        ("dropout=none,0.5", ("dropout", [None, 0.5])),
        ("batch_norm=yes,no,True,false", ("batch_norm", [True, False, True, False])),
        ("batch_size=8,full", ("batch_size", [8, "full"])),
        ("hidden=64,32/128/none", ("hidden", [(64, 32), (128,), ()])),
        ("hidden=64", ("hidden", [(64,)])),
        ("x.y[0].rate=1,2", ("x.y[0].rate", [1, 2])),
        ("weight_decay=0:1:3", ("weight_decay", [0, 0.5, 1])),
        ("learning_rate=1e-3:1e-1:log:3", ("learning_rate", [1e-3, 1e-2, 1e-1])),
        ("depth=1:3:whole:3", ("depth", [1, 2, 3])),
        ("depth=1:2:whole:8", ("depth", [1, 2])),
        ("dropout=0:0.5", ("dropout", Range(0, 0.5))),
        ("learning_rate=1e-4:1:log", ("learning_rate", Range(1e-4, 1, log=True))),
        ("width=8:64:log:whole", ("width", Range(8, 64, log=True, whole=True))),
    ],
)
def test_parse(word: str, meant) -> None:
    name, axis = parse(word)
    if isinstance(axis, Range):
        assert (name, axis) == meant
    else:
        assert (name, axis) == (meant[0], pytest.approx(meant[1]) if "log" in word else meant[1])
        assert [type(value) for value in axis][-1] is not str or "full" in word


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("dropout", "--over: expected NAME=VALUE,VALUE,… or NAME=LOW:HIGH"),
        ("=1,2", "--over: expected NAME=VALUE"),
        ("dropout=", "--over: expected NAME=VALUE"),
        ("dropout=1,,2", "expected a value on each side"),
        ("dropout=0:", "expected a value on each side"),
        ("hidden=64,32", "write hidden=64/32 for 2 values, or put others behind it after a /"),
        ("dropout=0:high", "expected LOW:HIGH"),
        ("dropout=0:1:lag", "expected LOW:HIGH"),
        ("dropout=0:1:3:4", "expected LOW:HIGH"),
        ("dropout=0:1:log", "--over dropout=0:1:log: expected low > 0 for a log scale"),
        ("dropout=1:0", "expected low < high"),
        ("depth=0.5:2:whole", "expected whole numbers"),
        ("dropout=0:1:1", "expected 2 values or more from low to high, got 1"),
    ],
)
def test_words_that_are_none(word: str, words: str) -> None:
    with pytest.raises(FnnError, match=re.escape(words)):
        parse(word)


def test_a_name_twice() -> None:
    assert list(parse_all(["dropout=0:1", "depth=1,2"])) == ["dropout", "depth"]
    with pytest.raises(FnnError, match="--over: 'dropout' is given twice"):
        parse_all(["dropout=0:1", "dropout=0,1"])


@pytest.fixture(scope="module")
def prepared():
    return prepare_data(TrainCommand("iris"))


def test_build_run(prepared) -> None:
    settings = {"hidden": (5, 4), "dropout": None, "optimizer": "sgd", "momentum": 0.9}
    settings |= {"learning_rate": 0.5, "batch_size": 8, "label_smoothing": 0.1, "patience": 3}
    made = build_run(TrainCommand("iris"), prepared, settings)
    net = fnn.mlp((5, 4), 3)
    assert made == fnn.Run(
        fnn.Objective(net, fnn.losses.CrossEntropy(0.1)),
        SGD(0.5, momentum=0.9),
        8,
        selection=fnn.Selection("loss", 3),
    )


@pytest.mark.parametrize(
    ("settings", "hidden"),
    [
        ({"width": 8}, (8, 8)),
        ({"depth": 3}, (128, 128, 128)),
        ({"width": 4, "depth": 1}, (4,)),
        ({"width": 4, "depth": 0}, ()),
    ],
)
def test_width_and_depth(settings, hidden) -> None:
    options, rest = with_settings(TrainCommand("iris"), settings)
    assert (options.network.hidden, rest) == (hidden, {})


def test_the_rate_is_the_peak_of_a_schedule(prepared) -> None:
    settings = {"schedule": "cosine", "learning_rate": 0.25}
    made = build_run(TrainCommand("iris"), prepared, settings)
    assert float(made.optimizer.learning_rate.value(0)) == 0.25


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lerning_rate": 1.0}, "--over lerning_rate: is no option and no field of the run; did"),
        ({"momentun": 1.0}, "--over momentun: is no option and no field of the run"),
        ({"epochs": 3}, "--over epochs: can't be varied: all run for as many"),
        ({"split_seed": 3}, "--over split_seed: can't be varied: all share the rows"),
        ({"batch_size": 4.5}, "expected a whole number or full or none, got 4.5: it is structure"),
        ({"hidden": (4, 2.5)}, "expected whole numbers, alternatives with / between them"),
        ({"dropout": "high"}, "--over dropout: expected a number or none, got high"),
        ({"batch_norm": 1}, "--over batch_norm: expected yes or no, got 1"),
        ({"gradient": "hand"}, "--over gradient: expected automatic or manual, got hand"),
        ({"optimizer": 3}, "--over optimizer: expected a name, got 3"),
        ({"dropout": 1.5}, "--over dropout: expected less than 1, got 1.5 (where dropout=1.5)"),
        ({"activation": "tahn"}, "--over activation: unknown name 'tahn'; did you mean 'tanh'"),
        ({"batch_size": 0}, "expected from 1 to 90 rows a step"),
        ({"b1": 2.0}, "--over b1.optimizer.b1: expected less than 1"),
        ({"hidden": (2,), "width": 3}, "--over hidden: stands beside width or depth"),
        ({"depth": -1}, "--over depth: expected 0 or more, got -1"),
        ({"width": 2.5}, "--over width: expected a whole number, got 2.5"),
    ],
)
def test_settings_that_make_no_run(prepared, settings, words: str) -> None:
    with pytest.raises(FnnError, match=re.escape(words)):
        build_run(TrainCommand("iris"), prepared, settings)


def test_depth_without_a_width() -> None:
    options = TrainCommand("iris", network=fnn.cli.options.network.NetworkOptions(hidden=()))
    with pytest.raises(FnnError, match="--over depth: has no width to go with"):
        with_settings(options, {"depth": 2})


def test_format_settings() -> None:
    settings = {"hidden": (4, 2), "dropout": None, "batch_norm": True, "learning_rate": 1 / 3}
    assert (
        format_settings(settings) == "hidden=4,2 dropout=none batch_norm=yes learning_rate=0.333333"
    )
    assert format_settings({"hidden": ()}) == "hidden=none"


def test_a_whole_number_is_no_truth_and_the_other_way_round() -> None:
    check_value(True, bool)
    check_value(1, float)
    for value, hint in ((True, int), (1, bool), (True, float)):
        with pytest.raises(FnnError, match="expected"):
            check_value(value, hint)
