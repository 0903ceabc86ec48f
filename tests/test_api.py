"""Runs from Python with `folder=`: what the command leaves, and what commands make of it."""

from __future__ import annotations

import json
import re
import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fnn
from fnn.api import bayes, halving
from fnn.files import read_json
from fnn.metrics import format_metric
from fnn.model import load
from fnn.runs import RunFolder, list_runs
from fnn.runs.source import recorded_run
from fnn.spec import FnnError, SpecError
from fnn.sweeps import Range
from tests.processes import call

QUICK = ("iris", "--hidden", "4", "--epochs", "3", "--seed", "1")
WHEN = ("digest", "files", "seconds", "ended", "timing", "compile_seconds")
"""what two runs of a kind differ in"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> Any:
    """`fnn ARGUMENTS…` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(call, capsys)


def files(folder: str) -> set[str]:
    """Paths of all files but those that are hidden."""
    paths = (path.relative_to(folder) for path in Path(folder).rglob("*") if path.is_file())
    shown = {str(path) for path in paths if path.name[0] != "."}
    return {re.sub(r"(checkpoints/step-\d+)-\w+", r"\1", name) for name in shown}  # with times


def result(folder: str) -> dict[str, Any]:
    record = read_json(f"{folder}/result.json")
    return {name: value for name, value in record.items() if name not in WHEN}


def epochs(folder: str) -> list[dict[str, Any]]:
    rows = map(json.loads, Path(folder, "metrics.jsonl").read_text().splitlines())
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def same_config(command: str, python: str, call: str) -> None:
    """Save for the command, its options, and when."""
    ours, theirs = read_json(f"{python}/config.json"), read_json(f"{command}/config.json")
    assert (ours["command"], ours["options"], ours["call"]) == (None, None, call)
    assert ours["data"].pop("source")["data"] == "iris"
    for name in ("run", "data", "seeds", "parameters", "versions", "device", "format"):
        assert ours[name] == theirs[name], name
    assert set(ours) == {*theirs, "call"}


def same_model(command: str, python: str) -> None:
    """Byte by byte."""
    names = {path.name for path in Path(command, "model").iterdir()}
    assert names == {path.name for path in Path(python, "model").iterdir()}
    for name in names:
        assert Path(command, "model", name).read_bytes() == Path(python, "model", name).read_bytes()


def test_a_run(run: Any) -> None:
    assert run("train", *QUICK, "--monitor", "--out", "command").status == 0
    net = fnn.mlp((4,), 3, activation="relu", dropout=0.2)
    trained = fnn.train(net, "iris", epochs=3, seed=1, monitor=True, folder="python")
    assert files("python") == files("command") >= {"curves.png", "confusion.png", "monitors.png"}
    assert result("python") == result("command")
    assert result("python")["test"] == trained.test
    assert epochs("python") == epochs("command") and len(epochs("python")) == 3
    same_model("command", "python")
    same_config("command", "python", "fnn.train")


def test_an_ensemble(run: Any) -> None:
    assert run("train", *QUICK, "--members", "3", "--out", "command").status == 0
    same = recorded_run(RunFolder.open("command"))
    trained = fnn.ensemble(same, "iris", members=3, epochs=3, seed=1, folder="python")
    assert files("python") == files("command") >= {"reliability.png", "metrics.jsonl"}
    assert result("python") == result("command")
    assert result("python")["test"] == trained.test
    assert epochs("python") == epochs("command") and len(epochs("python")) == 3
    same_model("command", "python")
    same_config("command", "python", "fnn.ensemble")
    assert not Path("python/.members").exists()


def test_a_sweep(run: Any) -> None:
    words = ("--over", "learning_rate=0.01,0.1", "--seeds", "2", "--models", "2")
    assert run("sweep", *QUICK, *words, "--out", "command").status == 0
    same = recorded_run(RunFolder.open("command"))
    over = {"learning_rate": [0.01, 0.1], "seed": [1, 2]}
    swept = fnn.sweep(same, "iris", over=over, epochs=3, seed=1, models=2, folder="python")
    assert {name for name in files("python") if "ended" not in name} == {
        name for name in files("command") if "ended" not in name
    }
    assert result("python") == result("command")
    assert result("python")["test"] is not None and len(swept.outcomes) == 4
    tables = [pd.read_parquet(f"{name}/members.parquet") for name in ("python", "command")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert result("python/best-1") == result("command/best-1")
    models = [files(f"{name}/best-1") for name in ("python", "command")]
    assert models[0] == models[1]  # weights are named by their checksum
    same_config("command", "python", "fnn.sweep")
    same_config("command/best-2", "python/best-2", "fnn.sweep")


def test_a_search(run: Any) -> None:
    words = ("--over", "learning_rate=0.001:0.1:log", "--trials", "4", "--batch", "2")
    assert run("search", *QUICK, *words, "--out", "command").status == 0
    base = fnn.train(fnn.mlp((4,), 3, dropout=0.2), "iris", epochs=1).run
    found = bayes(
        base,
        "iris",
        over={"learning_rate": Range(0.001, 0.1, log=True)},
        trials=4,
        batch=2,
        epochs=3,
        seed=1,
        folder="python",
    )
    assert files("python") == files("command") >= {"search.json", "trials.csv", "search.png"}
    assert result("python") == result("command")
    assert Path("python/trials.csv").read_text() == Path("command/trials.csv").read_text()
    assert load("python").output(np.zeros((1, 4), np.float32)).shape == (1, 3)
    assert len(found.outcomes) == 4
    with pytest.raises(FnnError, match=r"search.json: .*fnn.api.bayes|started from Python"):
        fnn_error(run("search", "--resume", "python"))


def fnn_error(done: Any) -> None:
    if done.status:
        raise FnnError(done.err)


def test_successive_halving(run: Any) -> None:
    base = fnn.train(fnn.mlp((4,), 3), "iris", epochs=1).run
    over = {"learning_rate": Range(0.001, 0.1, log=True)}
    halving(base, "iris", over=over, draws=4, epochs=4, eta=2, folder="halved")
    assert files("halved") >= {"search.json", "trials.csv", "search.png", "result.json"}
    assert list_runs(".")[0].status == "search, finished"
    with pytest.raises(FnnError, match="halved: exists already"):
        halving(base, "iris", over=over, draws=4, epochs=4, eta=2, folder="halved")


def test_what_commands_make_of_it(run: Any) -> None:
    """Listed, evaluated on its own test rows and on others, predicted with; not repeated."""
    trained = fnn.train(fnn.mlp((4,), 3), "iris", epochs=2, metrics=("f1",), folder="runs/mine")
    assert trained.test is not None
    assert "mine  iris  finished" in run("runs").out
    status, out, err = run("evaluate", "runs/mine")
    assert (status, err) == (0, "")
    assert out.split() == ["30", "rows", "f1", format_metric(trained.test["f1"])]
    np.save("x.npy", fnn.data.load("iris").inputs[:3])
    status, out, err = run("predict", "runs/mine", "x.npy")
    assert (status, err, len(out.splitlines())) == (0, "", 4)
    status, _, err = run("train", "--config", "runs/mine")
    assert status == 2 and "runs/mine: was started from Python, by fnn.train" in err


def test_rows_that_are_not_read_again(run: Any) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    fnn.train(fnn.mlp((4,), 1), (x, x[:, 0]), epochs=1, folder="arrays")
    status, _, err = run("evaluate", "arrays")
    assert status == 2 and "arrays: its rows came from Python's memory: give DATA" in err
    np.savez("rows.npz", x=x, y=x[:, 0])
    assert run("evaluate", "arrays", "rows.npz").status == 0
    fnn.train(fnn.mlp((4,), 1), "rows.npz", epochs=1, folder="file")
    assert run("evaluate", "file").status == 0
    np.savez("rows.npz", x=x, y=x[:, 1])
    status, _, err = run("evaluate", "file")
    assert status == 2 and "rows.npz: has been changed since file was trained on it" in err


def test_a_folder_that_exists(run: Any) -> None:
    Path("there").mkdir()
    Path("there/notes.txt").write_text("mine")
    net = fnn.mlp((4,), 3)
    base = fnn.train(net, "iris", epochs=1).run
    over = {"seed": [0, 1]}
    with pytest.raises(FnnError, match="there: exists already"):
        fnn.train(net, "iris", epochs=1, folder="there")
    with pytest.raises(FnnError, match="there: exists already"):
        fnn.ensemble(base, "iris", members=2, epochs=1, folder="there")
    with pytest.raises(FnnError, match="there: exists already"):
        fnn.sweep(base, "iris", over=over, epochs=1, folder="there")
    assert files("there") == {"notes.txt"}


def test_arguments_that_are_none(run: Any) -> None:
    net = fnn.mlp((4,), 3)
    with pytest.raises(TypeError, match=r"train\(\) got an unexpected keyword argument 'sed'"):
        fnn.train(net, "iris", epochs=1, sed=1)  # type: ignore[call-arg]
    base = fnn.train(net, "iris", epochs=1).run
    rows = fnn.Batch(np.zeros((4, 4), np.float32), np.zeros(4, np.int32))
    with pytest.raises(SpecError, match="folder: records data with their preprocessing"):
        fnn.ensemble(base, rows, members=2, epochs=1, folder="batch")
    assert not list(Path().iterdir())


def test_arguments_that_are_missing_or_misspelled() -> None:
    """Each front door speaks of itself, whoever looks at its options."""
    base = fnn.Run(fnn.Objective(fnn.mlp((4,), 3), "cross_entropy"), "adam")
    over = {"seed": [0]}
    rows = fnn.Batch(np.zeros((4, 4), np.float32), np.zeros(4, np.int32))
    calls: dict[str, Any] = {
        "fit": partial(fnn.fit, base, rows),
        "sweep": partial(fnn.sweep, base, rows, over=over),
        "ensemble": partial(fnn.ensemble, base, rows),
        "bayes": partial(fnn.search.bayes, base, rows, over=over),
        "halving": partial(fnn.search.halving, base, rows, over=over, draws=2),
    }
    for name, front_door in calls.items():
        with pytest.raises(TypeError, match=rf"^{name}\(\) missing .* argument: 'epochs'$"):
            front_door()
        nearest = rf"^{name}\(\) got an .* argument 'epoch'; did you mean 'epochs'\?"
        with pytest.raises(TypeError, match=nearest):
            front_door(epoch=1)
        with pytest.raises(TypeError, match=r"argument 'unit': it is 'target_scale' now$"):
            front_door(epochs=1, unit=2.0)


def test_what_fails_before_it_trains_leaves_nothing(run: Any) -> None:
    with pytest.raises(SpecError):
        fnn.train(fnn.mlp((4,), 3), "iris", epochs=1, seed=-1, folder="a/b")
    assert not list(Path().iterdir())


def test_a_run_that_diverges_is_recorded(run: Any) -> None:
    optimizer = fnn.optimizers.SGD(1e30)
    with pytest.raises(fnn.DivergedError) as caught:
        fnn.train(fnn.mlp((4,), 1), "diabetes", optimizer=optimizer, epochs=2, folder="wild")
    assert result("wild")["status"] == "diverged" == caught.value.fit.status
    assert result("wild")["test_rows"] == 88


def test_a_sweep_is_resumed_by_the_same_call(run: Any) -> None:
    base = fnn.train(fnn.mlp((4,), 3), "iris", epochs=1).run
    sweep = partial(fnn.sweep, base, "iris", over={"learning_rate": [0.01, 0.1]}, epochs=400)
    cut = sweep(folder="cut", stop=lambda: signal.SIGINT)
    assert cut.interrupted == signal.SIGINT and result("cut")["status"] == "interrupted"
    assert list_runs(".")[0].resume_command == "fnn.sweep(…, folder='cut')"
    status, _, err = run("sweep", "--resume", "cut")
    assert status == 2 and "cut: was started from Python, by fnn.sweep" in err
    assert sweep(folder="cut").interrupted is None
    sweep(folder="whole")
    assert result("cut") == result("whole") | {"wasted": result("cut")["wasted"]}
    tables = [pd.read_parquet(f"{name}/members.parquet") for name in ("cut", "whole")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


class StopAtSecond:
    """Training asks it whether to stop; the second time it says so."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return signal.SIGINT if self.asked > 1 else 0


def test_an_ensemble_is_resumed_by_the_same_call(run: Any) -> None:
    base = fnn.train(fnn.mlp((4,), 3), "iris", epochs=1).run
    ensemble = partial(fnn.ensemble, base, "iris", members=2, epochs=4000)
    cut = ensemble(folder="cut", stop=StopAtSecond())
    assert cut.interrupted == signal.SIGINT and result("cut")["status"] == "interrupted"
    assert ensemble(folder="cut").interrupted is None
    ensemble(folder="whole")
    assert result("cut") == result("whole") and epochs("cut") == epochs("whole")
    same_model("cut", "whole")
    with pytest.raises(FnnError, match="cut: exists already"):
        ensemble(folder="cut")
