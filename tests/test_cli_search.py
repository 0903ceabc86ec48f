"""`fnn search`, as a person types it."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import signal
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fnn.cli.process.signals import NOTED
from tests.processes import call, finish, start

OVER = ("--over", "learning_rate=1e-3:1:log", "--over", "dropout=0:0.5")
QUICK = ("search", "iris", *OVER, "--hidden", "4", "--epochs", "2", "--batch", "4")
FILES = {"config.json", "model", "result.json", "search.json", "trials.csv"}
STUDY = {"search.journal", "search-best.json", "search-best.safetensors"}
FIGURES = {"search.png", "settings.png"}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """`fnn ARGUMENTS…` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(call, capsys)


def shown(folder: str) -> set[str]:
    names = {path.name for path in Path(folder).iterdir() if path.name[0] != "."}
    return {re.sub(r"^search-best-\w+", "search-best", name) for name in names}


def rows(folder: str) -> list[dict[str, str]]:
    with open(Path(folder, "trials.csv"), newline="") as file:
        return list(csv.DictReader(file))


def test_search_goes_on_and_its_best_can_be_used(run) -> None:
    status, out, err = run(*QUICK, "--trials", "4")
    assert (status, err) == (0, "")
    folder = "runs/iris-search-1"
    assert shown(folder) == FILES | STUDY | FIGURES
    assert "  learning_rate: 0.001 to 1, evenly in its logarithm\n  dropout: 0 to 0.5\n" in out
    assert "4 settings, chosen by what others came to, of 2 epochs" in out
    assert re.search(r"^  4 of 4: best validation loss \S+, learning_rate=\S+ dropout=", out, re.M)
    assert len(rows(folder)) == 4
    status, out, err = run("search", "--resume", folder, "--trials", "8")
    assert (status, err) == (0, "")
    assert "  8 of 8: best" in out and "4 of 8" not in out
    told = rows(folder)
    assert [row["trial"] for row in told] == list("01234567")
    losses = [float(row["validation_loss"]) for row in told]
    result = json.loads(Path(folder, "result.json").read_text())
    assert result["validation"]["loss"] == min(losses)
    best = told[losses.index(min(losses))]
    assert result["settings"] == {
        "learning_rate": float(best["learning_rate"]),
        "dropout": float(best["dropout"]),
    }
    accuracy = re.search(r"^test accuracy (\S+) \(30 rows, measured once\)$", out, re.M)[1]
    assert accuracy in run("evaluate", folder)[1]
    np.save("x.npy", np.ones((2, 4)))
    status, table, _ = run("predict", folder, "x.npy")
    assert (status, len(table.splitlines())) == (0, 3)
    assert "iris-search-1" in run("runs")[1]
    again = shlex.split(re.search(r"^again: fnn (.*)$", out, re.M)[1])
    status, out, _ = run(*again, "--no-save")
    assert status == 0 and f"test accuracy {accuracy}" in out


def test_over_structure_and_at_random(run) -> None:
    over = ("--over", "hidden=4/3,2", "--over", "activation=tanh", "--over", "momentum=0:0.9")
    words = ("search", "iris", *over, "--optimizer", "sgd", "--epochs", "1", "--trials", "2")
    status, out, err = run(*words, "--method", "random", "--no-save")
    assert (status, err) == (0, "")
    assert not Path("runs").exists()
    assert "hidden: 4 / 3, 2" in out
    assert re.search(r"again: fnn train iris .*\(but for momentum, which fnn train has no", out)


def test_grid(run) -> None:
    over = ("--over", "learning_rate=0.1,0.2,0.3,1e30", "--over", "dropout=0,0.5")
    words = ("search", "iris", *over, *QUICK[6:], "--method", "grid", "--out", "g", "--no-figures")
    status, _, _ = run(*words)
    assert (status, shown("g")) == (0, FILES | STUDY)
    tried = {(row["learning_rate"], row["dropout"]) for row in rows("g")}
    assert len(tried) == 8


def test_all_diverge(run) -> None:
    over = ("--over", "learning_rate=1e30:1e31")
    status, out, err = run("search", "iris", *over, *QUICK[6:], "--trials", "4", "--out", "d")
    assert status == 2
    assert err == ("fnn: error: every trial diverged: lower rates, or --clip-norm 1, may help\n")
    assert "  4 of 4: none has a finite value" in out and "4 diverged" in out
    assert shown("d") == {"search.json", "search.journal", "trials.csv", "result.json"} | FIGURES
    assert "search, diverged" in run("runs", ".").out


def test_halving(run) -> None:
    words = (*QUICK[:-2], "--method", "halving", "--eta", "2", "--trials", "4", "--out", "h")
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert shown("h") == FILES | FIGURES
    assert re.search(r"^  epoch 1: 4 here, best \S+, 2 go on from \S+; 4 epochs trained", out, re.M)
    assert re.search(r"^  epoch 2: 2 here, best \S+; 6 epochs trained in all$", out, re.M)
    assert sorted(row["status"] for row in rows("h")) == ["finished"] * 2 + ["retired"] * 2
    status, _, err = run("search", "--resume", "h")
    assert (status, err) == (
        2,
        "fnn: error: --resume: successive halving keeps nothing to go on by: begin anew\n",
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--over", "dropout"], "--over: expected NAME=VALUE,VALUE"),
        (["--over", "lerning_rate=0:1"], "is no option and no field of the run; did you mean"),
        (["--over", "dropout=0:2"], "expected less than 1, got 2.0 (where dropout=2)"),
        (["--over", "batch_size=8:32"], "--over batch_size: expected a whole number or full"),
        (["--over", "epochs=1,2"], "--over epochs: can't be varied within a search"),
        (["--over", "seed=1,2"], "a seed is luck, not a setting"),
        (["--over", "dropout=0.1,0.1"], "holds 0.1 twice"),
        (["--over", "dropout=0:1", "--method", "grid"], "and a grid needs values: say how many"),
        (["--trials", "0"], "--trials: expected 1 or more, got 0"),
        (["--batch", "0"], "--batch: expected 1 or more, got 0"),
        (["--eta", "1", "--method", "halving"], "--eta: expected a whole number from 2 up, got 1"),
        (["--metric", "r2"], "--metric: 'r2' is not measured"),
        (["--memory", "2 apples"], "--memory: expected bytes, such as 2GB"),
        (["--split", "80", "0", "20", "--keep", "last"], "--split: leaves no validation rows"),
        (["--keep", "foo"], "error: --keep: unknown metric 'foo'"),
        (["--seed", "-1"], "error: --seed: expected a whole number from 0"),
        (["--devices", "300"], "error: --devices: 300 asked for, and JAX finds 1 (cpu)"),
        (
            ["--over", "dropout=0.1", "--method", "grid", "--trials", "3"],
            "--trials: grid tries all",
        ),
        (["--batch", "3", "--method", "halving"], "--batch: halving trains all at once"),
        (["--eta", "3"], "--eta: is of --method halving, and this is bayes"),
        (["--out", "there"], "there: exists already"),
    ],
)
def test_bad_input(run, words: list[str], error: str) -> None:
    Path("there").mkdir()
    status, _, err = run("search", "iris", "--epochs", "1", *words)
    assert status == 2
    assert err.startswith("fnn: error: ") and error in err and err.count("\n") == 1
    assert not any(Path("there").iterdir())
    assert not list(Path(".").glob("runs/*"))


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nowhere"], "nowhere: does not exist"),
        (["empty"], "empty: is not the folder of a search: it has no search.json"),
        (["kept", "--seed", "3"], "search.journal: holds another search, whose seed differs"),
        (
            ["kept", "--over", "depth=1,2"],
            "search.journal: holds another search, whose space differs",
        ),
        (["kept", "--out", "x"], "--out: goes on in the folder of --resume"),
        (["damaged"], "search.journal: is no journal of Optuna"),
        (["unread"], "search.json: not JSON"),
        (["unread"], "without it the search can't go on: begin anew in another folder"),
        (["locked"], "delete .search.journal.lock beside it"),
        (["torn"], "delete search-best.json, and what it holds is trained again"),
    ],
)
def test_what_can_not_be_gone_on_with(run, kept, words: list[str], error: str) -> None:
    Path("empty").mkdir()
    for name in ("kept", "damaged", "unread", "locked", "torn"):
        shutil.copytree(kept, name)
    Path("locked/.search.journal.lock").write_text("nonsense" * 99)
    Path("torn/search-best.json").write_bytes(b"PK")
    Path("damaged/search.journal").write_text("nonsense")
    Path("unread/search.json").write_text("{")
    status, _, err = run("search", "--resume", *words)
    assert status == 2 and error in err


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A search that was interrupted by Ctrl-C, after at least a batch."""
    place = tmp_path_factory.mktemp("kept")
    process = start([*QUICK, "--trials", "4000", "--out", "s"], place, place / "programs")
    journal = place / "s" / "search.journal"
    deadline = time.monotonic() + 120
    while not (journal.exists() and b'"state":1' in journal.read_bytes()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert (done.status, done.err) == (130, NOTED)
    assert re.search(r"^interrupted: \d+ of 4,000 settings have ended$", done.out, re.M)
    assert done.out.endswith("go on: fnn search --resume s\n")
    return place / "s"


def test_after_an_interruption(run, kept) -> None:
    told = rows(str(kept))
    assert 4 <= len(told) < 4000
    assert shown(str(kept)) == STUDY | FIGURES | {"search.json", "trials.csv", "result.json"}
    listed = run("runs", str(kept.parent)).out
    assert re.search(r"^s +iris +search, interrupted +2 .* accuracy +\d", listed, re.M)
    assert f"s has not come to its end: go on: fnn search --resume {kept}\n" in listed
    for words in (["evaluate", str(kept)], ["train", "--config", str(kept)]):
        status, _, err = run(*words)
        assert status == 2 and f"no best run: go on: fnn search --resume {kept}\n" in err
    Path("killed").mkdir()
    shutil.copy(kept / "search.json", "killed")
    listed = run("runs", ".").out
    assert "search, running or killed" in listed
    assert "if it is not running, go on: fnn search --resume killed\n" in listed
    record = json.loads((kept / "search.json").read_text())
    record["options"]["eta"] = 3  # as older ones have it
    record["digest"] = None
    (kept / "search.json").write_text(json.dumps(record))
    status, out, _ = run("search", "--resume", str(kept), "--trials", str(len(told)))
    assert status == 0 and f"{len(told)} settings, {2 * len(told)} epochs in all" in out


def test_without_its_libraries(run, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    status, _, err = run(*QUICK)
    assert (status, err) == (
        2,
        "fnn: error: fnn search needs optuna: pip install 'fnn[search]'\n",
    )


def test_the_manual(run, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = run("search", "--help")
    assert status == 0
    assert out.startswith("usage: fnn search [-h] [SEARCH OPTIONS] DATA")
    for words in ("--over NAME=VALUES", "{bayes,random,halving,grid}", "(default: the usual)"):
        assert words in out
