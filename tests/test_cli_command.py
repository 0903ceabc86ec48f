"""Options as a command line, as JSON, and back."""

from __future__ import annotations

import dataclasses
import json
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn.cli.commands.train import TrainCommand
from fnn.cli.main import parse
from fnn.cli.options.command_line import to_argv, without_folder
from fnn.cli.options.config_file import read_options
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import ProcessOptions
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.split import SplitOptions
from fnn.cli.options.training import TrainingOptions
from fnn.cli.options.validation import ValidationOptions
from fnn.spec import FnnError

plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda word: word != "None" and not word.startswith("-")
)
word = plain | st.sampled_from(["-1", "-x", "--epochs", "a b", "'", "train", "--", "é=ü"])
number = st.floats(allow_nan=False, width=64) | st.sampled_from([1e-30, -0.5, 1e30])
whole = st.integers(-(2**40), 2**40)


def some(cls, **fields):
    """Options of a class, any of them at their default."""
    choices = [st.fixed_dictionaries({}, optional=fields)]
    return st.one_of(choices).map(lambda given: cls(**given))


train = st.builds(
    TrainCommand,
    data=word,
    out=st.none() | word,
    save=st.booleans(),
    figures=st.booleans(),
    network=some(
        NetworkOptions,
        hidden=st.lists(whole, max_size=3).map(tuple),
        dropout=st.none() | number,
        batch_norm=st.booleans(),
    ),
    training=some(
        TrainingOptions,
        epochs=st.none() | whole,
        batch_size=st.none() | whole | st.just("full"),
        optimizer=word,
        learning_rate=st.none() | number,
        gradient=st.sampled_from(["automatic", "manual"]),
        seed=whole,
    ),
    validation=some(
        ValidationOptions, metrics=st.none() | st.lists(plain, min_size=1, max_size=2).map(tuple)
    ),
    file=some(
        DataOptions,
        target=st.none() | word,
        drop=st.lists(plain, max_size=2).map(tuple) | word.map(lambda word: (word,)),
        missing=st.just(("-999", "-")) | st.lists(plain, max_size=2).map(tuple),
        delimiter=st.none() | st.sampled_from([";", "-", "tab", " "]),
        header=st.booleans(),
    ),
    split=some(SplitOptions, split=st.tuples(number, number, number)),
    machine=some(
        ProcessOptions,
        device=st.sampled_from(["auto", "cpu"]),
        devices=st.none() | whole | st.just("all"),
        processes=st.none() | whole,
        coordinator=st.none() | word,
    ),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(train)
def test_a_command_line_gives_the_options_back(options: TrainCommand) -> None:
    line = shlex.join(["fnn", "train", *to_argv(options)])
    assert parse(shlex.split(line)[1:]) == options


@settings(max_examples=40, deadline=None, derandomize=True)
@given(train)
def test_json_gives_the_options_back(tmp_path_factory, options: TrainCommand) -> None:
    file = tmp_path_factory.getbasetemp() / "config.json"
    file.write_text(json.dumps({"format": 1, "options": dataclasses.asdict(options)}))
    assert read_options(TrainCommand, file) == dataclasses.replace(options, out=None)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (TrainCommand("iris"), "iris"),
        (TrainCommand("iris", network=NetworkOptions(hidden=())), "iris --hidden"),
        (TrainCommand("-x.csv", save=False), "--no-save -- -x.csv"),
        (
            TrainCommand("a b.csv", file=DataOptions(target="-1", header=False)),
            "'a b.csv' --target=-1 --no-header",
        ),
        (TrainCommand("iris", network=NetworkOptions(dropout=None)), "iris --dropout None"),
    ],
)
def test_the_shortest_command_line(options: TrainCommand, line: str) -> None:
    assert shlex.join(to_argv(options)) == line
    assert parse(["train", *shlex.split(line)]) == options


def test_options_replace_those_of_a_run(tmp_path) -> None:
    kept = TrainCommand(
        "iris", out="x", network=NetworkOptions(hidden=(4, 3), dropout=None), save=False
    )
    record = {"format": 1, "options": dataclasses.asdict(kept)}
    (tmp_path / "config.json").write_text(json.dumps(record))
    same = dataclasses.replace(kept, out=None)
    for run in (tmp_path, tmp_path / "config.json"):
        repeated = dataclasses.replace(same, config=str(run))
        assert parse(["train", "--config", str(run)]) == repeated
    changed = parse(["train", "wine", f"--config={tmp_path}", "--hidden", "--dropout", "0.5"])
    network = NetworkOptions(hidden=(), dropout=0.5)
    expected = dataclasses.replace(same, data="wine", network=network, config=str(tmp_path))
    assert changed == expected


def test_a_config_behind_the_end_of_options_is_a_name() -> None:
    assert without_folder(["--", "--config", "x"]) == (["--", "--config", "x"], None)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"format": 1, "options": {"data": "iris", "widht": 3}}, "unknown option 'widht'"),
        ({"format": 1, "options": {"data": "iris", "network": 3}}, "'network' to be an object"),
        ({"format": 1, "options": {}}, "the option 'data' is missing"),
        ({"format": 1}, "the entry 'options' is missing"),
        ({"format": 9, "options": {}}, "written by a newer fnn"),
        ([], "expected a JSON object"),
    ],
)
def test_a_config_that_can_not_be_used(tmp_path, record, said) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(record))
    with pytest.raises(FnnError) as error:
        read_options(TrainCommand, file)
    assert str(error.value).startswith(str(file))
    assert said in str(error.value)
