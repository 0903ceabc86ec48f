"""fnn train --members, and what the other commands make of it."""

from __future__ import annotations

import json
import re
import signal
from functools import partial
from typing import Any

import numpy as np
import pytest

import fnn
from fnn.metrics import format_metric
from fnn.model import load
from fnn.runs import RunFolder
from tests.processes import call

QUICK = ("--hidden", "4", "--epochs", "2", "--members", "3")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Any) -> Any:
    """`fnn ARGUMENTS…` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(call, capsys)


def row_of(name: str, out: str) -> list[str]:
    """The cells of a metric's row in the table that is printed."""
    (line,) = (line for line in out.splitlines() if line.startswith(f"{name} "))
    return line.split()[1:]


def test_an_ensemble_of_classes(run: Any, tmp_path: Any) -> None:
    """Printed, kept, measured again, and repeated from its own config."""
    status, out, err = run("train", "iris", *QUICK, "--seed", "5")
    assert (status, err) == (0, "")
    assert "3 members, seeds 5 to 7" in out
    assert re.search(r"^trained 3 networks, up to 2 epochs, in ", out, re.MULTILINE)
    assert re.search(r"^test \(30 rows\) +one network ± sd +all 3$", out, re.MULTILINE)
    folder = RunFolder.open("runs/iris-1")
    result = folder.result
    assert result is not None
    for name in ("accuracy", "ece", "brier", "nll"):
        each = [member["test"][name] for member in result["members"]]
        mean, deviation = format_metric(float(np.mean(each))), format_metric(float(np.std(each)))
        assert row_of(name, out) == [mean, "±", deviation, format_metric(result["test"][name])]
    assert [member["seed"] for member in result["members"]] == [5, 6, 7]
    assert (result["left_out"], result["metric"], result["status"]) == ([], "accuracy", "finished")
    assert [row["epoch"] for row in folder.history()] == [1, 2]
    assert folder.config["parameters"] == 3 * 35
    files = {path.name for path in folder.path.glob("*.png")}
    assert files == {"curves.png", "confusion.png", "reliability.png"}
    assert load("runs/iris-1").objective.net.members == 3

    found = run("evaluate", "runs/iris-1", "--metrics", "ece", "accuracy").out
    for name in ("ece", "accuracy"):
        assert row_of(name, found) == [format_metric(result["test"][name])]
    assert run("train", "--config", "runs/iris-1", "--no-figures").status == 0
    again = RunFolder.open("runs/iris-2").result
    assert again is not None and again["test"] == result["test"]
    assert re.search(r"iris-1 .* 105 ", run("runs").out)


def test_an_ensemble_of_numbers_tells_its_spread(run: Any, tmp_path: Any) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(90, 3))
    np.savez("waves.npz", x=x, y=np.stack([x[:, 0] + x[:, 1], 900 * x[:, 2]], axis=1))
    status, out, err = run("train", "waves.npz", *QUICK, "--metrics", "mae")
    assert (status, err) == (0, "")
    assert len(row_of("mae", out)) == 4
    files = {path.name for path in (tmp_path / "runs" / "waves-1").glob("*.png")}
    pictures = {f"{name}-{k}.png" for name in ("predicted", "spread") for k in (1, 2)}
    assert files == {"curves.png"} | pictures
    status, out, err = run("predict", "runs/waves-1", "waves.npz")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    names = ["target[0]", "target[1]"]
    assert lines[0].split(",") == [*names, *(f"spread({name})" for name in names)]
    told = np.array([line.split(",") for line in lines[1:]], float)
    model = load("runs/waves-1")
    np.testing.assert_allclose(told[:, :2], model.predict(x), rtol=1e-6)
    np.testing.assert_allclose(told[:, 2:], model.spread(x), rtol=1e-5)


def test_one_target_and_nothing_kept(run: Any) -> None:
    status, out, err = run("train", "diabetes", *QUICK, "--no-save", "--patience", "1")
    assert (status, err) == (0, "")
    assert len(row_of("r2", out)) == 4
    assert "runs/" not in out


def test_an_interrupted_ensemble_is_kept(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Any, event: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(fnn.training.Progress, "__call__", interrupt)
    words = ("--epochs", "100000", "--members", "2", "--no-figures", "--hidden", "4")
    status, out, _ = run("train", "iris", *words)
    assert status == 130
    result = RunFolder.open("runs/iris-1").result
    assert result is not None and result["status"] == "interrupted"
    assert result["epochs"] < 100_000
    assert row_of("accuracy", out)[-1] == format_metric(result["test"]["accuracy"])


def test_epochs_are_there_as_they_end(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill leaves those that ended; the end writes what the ensemble's own history says."""
    seen: list[int] = []

    def look(self: Any, event: Any) -> None:
        rows = RunFolder.open("runs/iris-1").history()
        assert (int(event.epoch), event.epochs) == (len(rows), 40)
        seen.append(len(rows))
        if len(rows) > 20:
            raise KeyboardInterrupt

    words = ("train", "iris", "--epochs", "40", "--members", "2", "--hidden", "4", "--no-figures")
    with monkeypatch.context() as patch:
        patch.setattr(fnn.training.Progress, "__call__", look)
        status, _, err = run(*words)
    assert (status, err) == (
        130,
        "fnn: interrupted; go on: fnn train --resume runs/iris-1\n",
    ) and len(seen) > 1
    assert re.search(rf"iris-1 +iris +running or killed +{seen[-1]} ", run("runs").out)
    assert run(*words).status == 0
    cut, whole = (RunFolder.open(f"runs/iris-{number}").history() for number in (1, 2))
    assert len(whole) == 40
    for row, same in zip(cut, whole, strict=False):
        assert row == pytest.approx(same, rel=1e-5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["iris", "--members", "1"], "--members: expected from 2 up, got 1"),
        (["iris", "--members", "-3"], "--members: expected from 2 up, got -3"),
        (["iris", "--members", "2", "--monitor"], "--monitor: watches one network"),
        (["wide", *QUICK], "wide: expected rows in memory, which members share"),
        (
            ["diabetes", *QUICK, "--optimizer", "sgd", "--learning-rate", "1e30"],
            "no member of 3 is left: that of seed 0 diverged in epoch 1",
        ),
    ],
)
def test_what_can_not_be_an_ensemble(run: Any, tmp_path: Any, words: Any, told: str) -> None:
    """Nothing is left behind."""
    (tmp_path / "wide").mkdir()
    np.save(tmp_path / "wide" / "x.npy", np.random.default_rng(0).normal(size=(40, 3)))
    np.save(tmp_path / "wide" / "y.npy", np.arange(40) % 2)
    status, _, err = run("train", *words)
    assert status == 2
    assert err.startswith("fnn: error: ") and told in err
    assert not (tmp_path / "runs").exists()


def test_the_config_of_an_older_run_has_no_members(run: Any, tmp_path: Any) -> None:
    assert run("train", "iris", *QUICK[:4], "--no-figures").status == 0
    place = tmp_path / "runs" / "iris-1" / "config.json"
    record = json.loads(place.read_text())
    del record["options"]["members"]
    record["digest"] = None
    place.write_text(json.dumps(record))
    status, out, err = run("train", "--config", "runs/iris-1", "--no-save")
    assert (status, err) == (0, "")
    assert "members" not in out
