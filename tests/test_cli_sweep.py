"""`fnn sweep`: what it trains, prints and keeps; interrupted and resumed; bad input."""

from __future__ import annotations

import re
import shlex
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fnn
from fnn import checkpoint
from fnn.api import recorded
from fnn.cli.main import parse
from fnn.cli.options.members import plan_members
from fnn.cli.options.single_run import prepare_data
from fnn.cli.process.signals import NOTED
from fnn.files import read_json, write_json
from fnn.runs import SweepFolder
from fnn.sweeps.arrays import write_stored
from fnn.training import Progress
from tests.processes import Done, call, finish, start

QUICK = ("iris", "--hidden", "4", "--epochs", "2", "--batch-size", "full", "--no-figures")
OVER = ("--over", "learning_rate=0.01,0.1", "--seeds", "2")
TWO = ("--zip", "--over", "hidden=4/3", "--over", "learning_rate=0.01,0.1", "--seeds", "2")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """`fnn ARGUMENTS…` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(call, capsys)


@pytest.fixture(scope="module")
def iris():
    return prepare_data(parse(["sweep", *QUICK]))


def members(prepared, *words: str):
    options = parse(["sweep", *QUICK, *words])
    made = plan_members(options.axes, options, prepared)
    return [(member.settings, member.seed, member.order_seed) for member in made]


def frame(folder: str = "runs/iris-sweep-1") -> pd.DataFrame:
    return pd.read_parquet(f"{folder}/members.parquet")


def check_error(done: Done, *words: str) -> None:
    assert done.status == 2, done
    assert done.err.startswith("fnn: error: ") and done.err.count("\n") == 1
    for word in words:
        assert word in done.err


def test_a_grid_with_seeds(run, tmp_path) -> None:
    """Tables, models, a test metric of the best setting, and a command that repeats it."""
    status, out, err = run("sweep", *QUICK[:-1], *OVER)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[1:3] == [
        "  learning_rate: 0.01, 0.1",
        "4 members, 2 settings of 2 seeds, 2 epochs, in 1 program",
    ]
    headings = ["learning_rate", "validation loss", "95 % interval", "validation accuracy", "seeds"]
    assert headings in [re.split(r"  +", line) for line in lines]
    assert re.search(r"^test accuracy 0\.\d{4} ± 0\.\d{4} \(mean .* of 2 seeds; 30 rows", out, re.M)
    folder = Path("runs/iris-sweep-1")
    assert {path.name for path in folder.iterdir() if path.name != ".sweep.json.lock"} == {
        *("config.json", "sweep.json", "ended", "members.parquet", "history.parquet"),
        *("result.json", "sweep.png", "curves.png", "best-1", "best-2", "best-3"),
    }
    table = frame()
    best = table.groupby("learning_rate").validation_loss.mean()
    rate = best.idxmin()
    assert f"best setting: learning_rate {rate:g}" in lines
    assert len(table) == 4 and (table.status == "finished").all()
    history = pd.read_parquet(folder / "history.parquet")
    assert len(history) == 8 and history.epoch.tolist() == [1, 2] * 4
    result = SweepFolder(folder).result
    accuracy = table[table.learning_rate == rate].validation_accuracy.mean()
    assert result["validation"]["accuracy"] == pytest.approx(accuracy)
    assert (result["status"], result["members"]) == ("finished", 4)
    assert f"{result['test']['accuracy']:.4f}" in out

    status, told, _ = run("runs")
    assert status == 0 and re.search(r"iris-sweep-1 +iris +sweep, finished +2 ", told)
    np.save("x.npy", [[5.1, 3.5, 1.4, 0.2]])
    status, told, err = run("predict", str(folder / "best-1"), "x.npy")
    assert (status, err) == (0, "") and "p(setosa)" in told

    status, told, err = run("evaluate", str(folder / "best-1"))
    assert (status, err) == (0, "") and told.startswith("30 rows\n")
    status, out, _ = run("train", "--config", str(folder / "best-1"), "--no-save")
    assert status == 0
    kept = read_json(folder / "best-1" / "result.json")["validation"]["loss"]
    assert kept == pytest.approx(table.validation_loss.min())
    assert f"validation loss {kept:.4f}" in out
    assert re.search(r"best-1 +iris +finished", run("runs", str(folder)).out)

    (again,) = [line for line in lines if line.startswith("again: ")]
    status, _, _ = run(*shlex.split(again)[2:], "--no-figures", "--out", "alone")
    alone = read_json("alone/result.json")["validation"]["loss"]
    ours = table[(table.learning_rate == rate) & (table.seed == 0)].validation_loss.item()
    assert status == 0 and alone == pytest.approx(ours, rel=1e-5)


def test_structure_makes_programs(run) -> None:
    status, out, err = run("sweep", *QUICK, *TWO, "--no-save")
    assert (status, err) == (0, "") and not Path("runs").exists()
    assert "  hidden: 4 / 3\n" in out
    assert "4 members, 2 settings of 2 seeds, 2 epochs, in 2 programs" in out


def test_what_the_options_make(iris) -> None:
    grid = members(iris, *OVER, "--over", "dropout=none,0.5", "--seed", "7", "--order-seed", "3")
    assert len(grid) == 8
    assert grid[:3] == [
        ({"learning_rate": 0.01, "dropout": None, "seed": 7}, 7, 3),
        ({"learning_rate": 0.01, "dropout": None, "seed": 8}, 8, 3),
        ({"learning_rate": 0.01, "dropout": 0.5, "seed": 7}, 7, 3),
    ]
    assert members(iris, *TWO)[2] == ({"hidden": (3,), "learning_rate": 0.1, "seed": 0}, 0, 0)
    assert [order for _, _, order in members(iris, "--seeds", "3", "--own-order")] == [0, 1, 2]
    assert [seed for _, seed, _ in members(iris, "--over", "seed=5,3")] == [5, 3]


def test_random_settings(iris) -> None:
    words = ("--over", "learning_rate=1e-4:1e-1:log", "--over", "dropout=0:0.5", "--random", "5")
    drawn = members(iris, *words, "--seeds", "2")
    assert len(drawn) == 10 and drawn == members(iris, *words, "--seeds", "2")
    assert len({settings["dropout"] for settings, _, _ in drawn}) == 5
    assert all(1e-4 <= settings["learning_rate"] <= 1e-1 for settings, _, _ in drawn)
    assert drawn != members(iris, *words, "--seeds", "2", "--seed", "1")
    lists = members(iris, "--over", "activation=relu,tanh", "--random", "20")
    assert len(lists) == 2


BAD = {
    "nothing to vary": ([], "--over: expected what is to be varied"),
    "no axis": (["--over", "dropout"], "NAME=VALUE", "'dropout'"),
    "no values": (["--over", "dropout="], "NAME=VALUE"),
    "an empty value": (["--over", "dropout=0.1,,0.2"], "--over dropout=0.1,,0.2"),
    "a value twice": (["--over", "dropout=0.1,0.1"], "--over dropout", "twice"),
    "an axis twice": (["--over", "dropout=0.1,0.2"] * 2, "'dropout' is given twice"),
    "an unknown name": (["--over", "lerning_rate=1,2"], "did you mean 'learning_rate'"),
    "an unknown path": (["--over", "optimizer.momentum=1,2"], "optimizer.momentum"),
    "a word for a number": (["--over", "learning_rate=a,b"], "expected a number", "got a"),
    "a fraction in structure": (["--over", "batch_size=1.5,2"], "whole number", "structure"),
    "a value out of range": (
        ["--over", "dropout=0.1,1.5"],
        "error: --over dropout: ",
        "less than 1",
        "got 1.5",
    ),
    "an unknown activation": (
        ["--over", "activation=relu,rellu"],
        "--over activation: ",
        "did you mean 'relu'",
    ),
    "what all share": (["--over", "split_seed=1,2"], "split_seed", "all members share the rows"),
    "a range unasked": (["--over", "dropout=0:0.5"], "--random 32", "dropout=0:0.5:8"),
    "a range upside down": (["--over", "dropout=0.5:0:4"], "low < high"),
    "an unequal zip": (
        ["--zip", "--over", "dropout=0,0.1", "--over", "learning_rate=1,2,3"],
        *("dropout has 2", "learning_rate has 3"),
    ),
    "zipped draws": (["--zip", "--random", "3", "--over", "dropout=0:0.5"], "--random"),
    "no draws": (["--random", "0", "--over", "dropout=0:0.5"], "--random: expected 1 or more"),
    "no seeds": (["--seeds", "0"], "--seeds: expected 1 or more"),
    "seeds twice": (["--seeds", "2", "--over", "seed=1,2"], "--seeds"),
    "a negative seed": (["--over", "seed=-1,2"], "--over seed: ", "got -1"),
    "the seeds of all": (["--seeds", "2", "--seed", "-1"], "--seed: ", "got -1"),
    "no epochs": ([*OVER, "--epochs", "0"], "--epochs: expected 1 or more"),
    "what has one value": (["--over", "epochs=1,2"], "--over epochs: can't be varied"),
    "an unknown metric": (
        [*OVER, "--metric", "acuracy"],
        "error: --metric: ",
        "did you mean 'validation_accuracy'",
    ),
    "an unreadable budget": ([*OVER, "--memory", "much"], "error: --memory: ", "2GB", "'much'"),
    "a folder that exists": ([*OVER, "--out", "there"], "there: exists already"),
    "no sweep": (["--resume", "there"], "there: is not the folder of a sweep"),
    "no folder": (["--resume", "nowhere"], "nowhere: does not exist"),
    "no folder told": (["--resume"], "--resume"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(run, name: str) -> None:
    Path("there").mkdir()
    words, *said = BAD[name]
    check_error(run("sweep", *QUICK, *words), *said)
    assert [path.name for path in Path().iterdir()] == ["there"]
    assert not list(Path("there").iterdir())


def test_a_budget_too_small_for_one(run) -> None:
    check_error(run("sweep", *QUICK, *OVER, "--memory", "1KB"), "one member needs about", "1 KB")
    assert not Path("runs").exists()


def interrupted(monkeypatch, looks: int, number: int = signal.SIGINT) -> None:
    """The logger of a sweep sends a signal at that look."""
    seen = []

    def look(self: Progress, event: object) -> None:
        seen.append(event)
        if len(seen) == looks:
            signal.raise_signal(number)

    monkeypatch.setattr(Progress, "__call__", look)


@pytest.mark.parametrize(("looks", "number"), [(1, signal.SIGINT), (3, signal.SIGTERM)])
def test_interrupted_and_resumed(run, looks: int, number: int) -> None:
    """Before or after the first program has ended; the table is that of a sweep left alone."""
    assert run("sweep", *QUICK, *TWO, "--out", "whole").status == 0
    with pytest.MonkeyPatch.context() as patch:
        interrupted(patch, looks, number)
        status, out, err = run("sweep", *QUICK, *TWO, "--out", "cut")
    assert (status, err) == (128 + number, "")
    assert f"interrupted: {0 if looks == 1 else 2} of 4 members have ended" in out
    assert "test" not in out.split("in 2 programs")[1] and "go on: fnn sweep --resume cut\n" in out
    assert Path("cut/under-way.json").exists() and not Path("cut/best-1").exists()
    assert (frame("cut").status == "interrupted").sum() == 2
    listed = run("runs", ".").out
    assert "sweep, interrupted" in listed
    assert "cut has not come to its end: go on: fnn sweep --resume cut\n" in listed
    check_error(run("evaluate", "cut"), "cut: is the folder of a sweep that has come to no best")
    Path("cut/result.json").write_text("{")
    status, out, err = run("sweep", "--resume", "cut")
    assert (status, err) == (0, "") and "test accuracy" in out
    assert re.search(r"^note: cut/result.json: not JSON: .*: it is written anew", out, re.M)
    assert SweepFolder("cut").result["status"] == "finished"
    pd.testing.assert_frame_equal(frame("cut"), frame("whole"), check_exact=True)
    histories = [pd.read_parquet(f"{name}/history.parquet") for name in ("cut", "whole")]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    kept = [next(Path(name, "best-1").glob("*.safetensors")).name for name in ("cut", "whole")]
    assert kept[0] == kept[1]  # named by their checksum
    assert not Path("cut/under-way.json").exists()


def test_a_folder_that_is_not_its_own(run) -> None:
    """Another sweep, damaged files, a run's folder: each is said, and nothing is lost."""
    assert run("sweep", *QUICK, *OVER, "--out", "a").status == 0
    again = run("sweep", "--resume", "a")
    assert again.status == 0 and "of training" not in again.out
    check_error(run("sweep", "--resume", "a", "--seeds", "3"), "a: holds another sweep")
    check_error(run("sweep", "--resume", "a", "--split-seed", "1"), "a: holds another sweep")
    check_error(run("sweep", "--resume", "a", "--no-save"), "--no-save")
    check_error(run("sweep", "--resume", "a", "--out", "b"), "--out")
    told = "a: is the folder of a sweep: give one of its runs, such as a/best-1"
    for words in (["train", "--config", "a"], ["evaluate", "a"], ["predict", "a", "x.npy"]):
        check_error(run(*words), told)
    (ended,), (tensors,) = (Path("a/ended").glob(f"*.{kind}") for kind in ("json", "safetensors"))
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[: len(whole) // 2])
    told = ("damaged", f"delete {ended.name}, and what it holds is trained again")
    check_error(run("sweep", "--resume", "a"), str(tensors), *told)
    tensors.write_bytes(whole)
    arrays = checkpoint.read(ended).arrays
    write_stored(ended, {name: arrays[name] for name in arrays if name != "status"})
    told = (*told, "the array 'status' is missing")
    check_error(run("sweep", "--resume", "a"), str(ended), *told)
    ended.unlink()
    done = run("sweep", "--resume", "a")
    assert done.status == 0 and "of training" in done.out
    record = read_json("a/sweep.json")
    write_json("a/sweep.json", record | {"data": "0", "digest": None})
    check_error(run("sweep", "--resume", "a"), "other data")
    Path("a/sweep.json").write_text("{")
    check_error(run("sweep", "--resume", "a"), "a/sweep.json: not JSON", "begin anew")
    Path("a/config.json").write_text("{")
    check_error(run("sweep", "--resume", "a"), "a/config.json: not JSON", "begin anew")
    assert run("train", *QUICK, "--out", "lone").status == 0
    check_error(run("sweep", "--resume", "lone"), "lone: is not the folder of a sweep")


def test_members_that_diverge(run) -> None:
    """One of two: said in the table. All: the status is 2, and the table is kept."""
    wild = ("--optimizer", "sgd", "--keep", "last", "--seeds", "2")
    status, out, _ = run("sweep", *QUICK, *wild, "--over", "learning_rate=0.1,1e30")
    lines = [line for line in out.splitlines() if " of 4 members, epoch " not in line]
    assert status == 0 and lines[4].endswith("seeds  diverged")
    assert frame().status.tolist() == ["finished"] * 2 + ["diverged"] * 2
    check_all = run("sweep", *QUICK, *wild, "--over", "learning_rate=1e29,1e30")
    check_error(check_all, "every member diverged")
    assert (frame("runs/iris-sweep-2").status == "diverged").all()
    assert "sweep, diverged" in run("runs").out


def test_only_the_best_are_kept_where_all_are_too_large(run, monkeypatch) -> None:
    monkeypatch.setattr(recorded, "ROOM", 0)
    status, out, _ = run("sweep", *QUICK, *OVER, "--models", "1", "--metric", "accuracy")
    assert status == 0 and "(the best member, seed " in out
    assert re.search(r"learning_rate  validation accuracy +95 % interval +seeds", out)
    table = frame()
    best = table.validation_accuracy.idxmax()
    arrays = checkpoint.read(next(Path("runs/iris-sweep-1/ended").glob("*.json"))).arrays
    assert {name.split("/")[1] for name in arrays if name.startswith("kept/")} == {str(best)}
    assert not Path("runs/iris-sweep-1/best-2").exists()


def test_without_validation_rows(run) -> None:
    status, out, err = run("sweep", *QUICK, *OVER, "--split", "80", "0", "20", "--models", "0")
    assert (status, err) == (0, "") and re.search(r"learning_rate +loss ", out)
    assert not Path("runs/iris-sweep-1/best-1").exists()


def test_a_path_that_no_option_sets(run) -> None:
    words = ("--over", "momentum=0,0.9", "--optimizer", "sgd", "--no-save", "--seeds", "2")
    status, out, _ = run("sweep", *QUICK, *words)
    assert status == 0 and "(but for momentum, which fnn train has no option for)" in out


def test_a_signal_to_the_process(tmp_path) -> None:
    """Ctrl-C at whatever moment: kept, and gone on with to the same table."""
    words = ("sweep", *QUICK, *OVER, "--epochs", "5000")
    programs = tmp_path / "programs"
    cut = start([*words, "--out", "cut"], tmp_path, programs)
    while cut.poll() is None and not (tmp_path / "cut" / "sweep.json").exists():
        time.sleep(0.1)
    time.sleep(0.5)
    cut.send_signal(signal.SIGINT)
    done = finish(cut)
    assert (done.status, done.err) == (130, NOTED)
    assert "go on: fnn sweep --resume cut" in done.out
    for last in (["sweep", "--resume", "cut"], [*words, "--out", "whole"]):
        done = finish(start(last, tmp_path, programs))
        assert (done.status, done.err) == (0, "")
    tables = [frame(str(tmp_path / name)) for name in ("cut", "whole")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_a_file_is_found_from_any_folder(run, monkeypatch, tmp_path) -> None:
    iris = fnn.data.load("iris")
    rows = [
        ",".join(map(str, [*row, f"kind {target}"]))
        for row, target in zip(iris.inputs, iris.target, strict=True)
    ]
    Path("some rows.csv").write_text("\n".join(["a,b,c,d,y", *rows]))
    made = run("sweep", "some rows.csv", *QUICK[1:], *OVER, "--target", "y")
    assert made.status == 0 and Path("runs/some-rows-sweep-1").is_dir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("sweep", "--resume", "../runs/some-rows-sweep-1").status == 0
