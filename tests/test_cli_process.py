"""The command as a process: the same bits each time, signals, and what a folder holds after."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from fnn.cli.process.signals import NOTED
from fnn.model import load
from fnn.runs import RunFolder
from tests.processes import Done, call, environment, finish, start

TRAIN = ("train", "iris", "--hidden", "4", "--epochs", "3")
LONG = ("train", "digits", "--hidden", "4", "--epochs", "10000000", "--no-figures")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def outcomes(place: Path) -> dict[str, Done]:
    """The same run, kept twice, not kept, and with a progress bar."""
    programs = place / "programs"
    first = finish(start([*TRAIN, "--out", "a"], place, programs))
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    shown = start([*TRAIN, "--out", "shown", "--no-figures"], place, programs, stderr=stderr)
    os.close(stderr)
    again = start(["train", "--config", "a", "--out", "again"], place, programs)
    drawn = b""
    try:
        while chunk := os.read(terminal, 4096):
            drawn += chunk
    except OSError:  # how a terminal ends
        os.close(terminal)
    out, _ = shown.communicate(timeout=60)
    bare = start([*TRAIN, "--no-save"], place, programs)
    return {
        "first": first,
        "again": finish(again),
        "shown": Done(shown.returncode, out, drawn.decode()),
        "bare": finish(bare),
    }


def told(done: Done) -> str:
    """What was printed, without times and the places of things."""
    lines = done.out.splitlines()
    kept = [line for line in lines if not re.search(r"holds|again:| s in all", line)]
    return re.sub(r"[\d.,]+ (s|rows a second)\b", "", "\n".join(kept))


def metrics(folder: Path) -> list[dict[str, float]]:
    return [{**row, "seconds": 0} for row in RunFolder.open(folder).history()]


@pytest.mark.parametrize("name", ["first", "again", "bare"])
def test_status_and_no_noise(outcomes, name: str) -> None:
    assert (outcomes[name].status, outcomes[name].err) == (0, "")


def test_the_bar_is_drawn_where_there_is_a_terminal(outcomes) -> None:
    assert outcomes["shown"].status == 0
    assert re.search(r"epoch \d\.\d/3.* rows/s", outcomes["shown"].err)


@pytest.mark.parametrize("name", ["again", "bare", "shown"])
def test_the_same_numbers_are_printed(outcomes, name: str) -> None:
    assert told(outcomes[name]) == told(outcomes["first"])
    assert "test accuracy" in told(outcomes[name])


@pytest.mark.parametrize("name", ["again", "shown"])
def test_the_same_bits_are_kept(place: Path, outcomes, name: str) -> None:
    weights = [next((place / run / "model").glob("*.safetensors")) for run in ("a", name)]
    assert weights[0].name == weights[1].name  # named by their checksum
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert metrics(place / "a") == metrics(place / name)


def test_programs_are_kept_for_the_next_command(place: Path, outcomes) -> None:
    assert list((place / "programs").iterdir())


def test_all_that_a_folder_holds_is_read_back(place: Path, outcomes) -> None:
    folder = place / "a"
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "metrics.jsonl", "result.json", "model", "curves.png", "confusion.png"),
        "checkpoints",
    }
    for name in ("curves.png", "confusion.png"):
        assert (folder / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    run = RunFolder.open(folder)
    assert run.config["command"][:3] == ["fnn", "train", "iris"]
    assert run.config["data"]["rows"] == {"train": 90, "validation": 30, "test": 30}
    assert run.result["status"] == "finished"
    history = run.history()
    assert [row["epoch"] for row in history] == [1, 2, 3]
    best = history[run.result["best_epoch"] - 1]
    for name, value in run.result["validation"].items():
        assert best[f"validation_{name}"] == pytest.approx(value, rel=1e-5)
    model = load(folder)
    assert model.output(np.zeros((2, 4), np.float32)).shape == (2, 3)
    accuracy = run.result["test"]["accuracy"]
    assert f"test accuracy {accuracy:.4f} (30 rows)" in outcomes["first"].out


@pytest.fixture(scope="module")
def stopped(place: Path, outcomes) -> dict[str, Done]:
    """Long runs that were ended by signals, two at a time."""
    signals = {
        "int": [signal.SIGINT],
        "term": [signal.SIGTERM],
        "twice": [signal.SIGINT, signal.SIGTERM],
        "kill": [signal.SIGKILL],
    }
    done = {}
    for names in (["int", "term"], ["twice", "kill"]):
        runs = {name: start([*LONG, "--out", name], place, place / "programs") for name in names}
        for name, process in runs.items():
            wait_for_lines(place / name / "metrics.jsonl")
            for number in signals[name]:
                process.send_signal(number)
        done |= {name: finish(process) for name, process in runs.items()}
    return done


def wait_for_lines(file: Path) -> None:
    until = time.monotonic() + 60
    while not (file.exists() and file.stat().st_size):
        assert time.monotonic() < until, f"{file} stays empty"
        time.sleep(0.05)


@pytest.mark.parametrize(("name", "code"), [("int", 130), ("term", 143)])
def test_an_interrupted_run_is_kept(place: Path, stopped, name: str, code: int, capsys) -> None:
    status, out, err = stopped[name]
    assert (status, err) == (code, NOTED)
    assert re.search(r"trained [\d,]+ epochs, interrupted in", out)
    assert re.search(r"test accuracy \d\.\d{4} \(359 rows\)", out)
    run = RunFolder.open(place / name)
    assert run.result["status"] == "interrupted"
    assert len(run.history()) == run.result["epochs"]
    _, out, _ = call(capsys, "evaluate", str(place / name))
    assert f"{run.result['test']['accuracy']:.4f}" in out


def test_a_second_signal_ends_it_at_once(place: Path, stopped) -> None:
    status, _, err = stopped["twice"]
    assert (
        status == 130
        and err.removeprefix(NOTED) == "fnn: interrupted; go on: fnn train --resume twice\n"
    )
    assert RunFolder.open(place / "twice").history()


def test_what_was_killed_can_be_read(place: Path, stopped) -> None:
    assert stopped["kill"].status == -signal.SIGKILL
    run = RunFolder.open(place / "kill")
    assert run.result is None
    epochs = [row["epoch"] for row in run.history()]
    assert epochs and epochs == [*range(1, len(epochs) + 1)]


def test_the_table_of_runs(place: Path, outcomes, stopped) -> None:
    (place / "torn").mkdir()
    (place / "torn" / "config.json").write_text('{"format": 1')
    (place / "unfinished").mkdir()
    (place / "unfinished" / "metrics.jsonl").touch()
    (place / "no run").mkdir()
    done = finish(start(["runs", ".", "--sort", "name"], place, place / "programs"))
    assert (done.status, done.err) == (0, "")
    lines = {line.split()[0]: line for line in done.out.splitlines()[2:] if " has not " not in line}
    told = r"^int has not come to its end: go on: fnn train --resume int$"
    assert re.search(told, done.out, re.M)
    assert list(lines)[:2] == ["a", "again"]
    assert "finished" in lines["a"]
    assert "interrupted" in lines["int"]
    assert "running or killed" in lines["kill"]
    assert "torn is damaged: torn/config.json: not JSON" in done.out
    assert "unfinished is damaged: unfinished: is not the folder of a run" in done.out
    assert "no run" not in done.out


def test_a_diverged_run_keeps_its_last_finite_parameters(place: Path, outcomes) -> None:
    words = [*TRAIN, "--learning-rate", "1e30", "--out", "diverged"]
    status, out, err = finish(start(words, place, place / "programs"))
    assert status == 2
    assert err.startswith("fnn: error: ")
    assert re.search(r"at step \d+ of epoch \d+ .*layers\[\d\]", err)
    assert ", diverged in" in out
    assert RunFolder.open(place / "diverged").result["status"] == "diverged"
    params = load(place / "diverged").params
    assert all(np.isfinite(leaf).all() for leaf in leaves(params))


def leaves(tree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_a_platform_that_jax_does_not_know(place: Path) -> None:
    there = environment(place) | {"JAX_PLATFORMS": "abacus"}
    status, out, err = finish(start(["summary", "4", "3"], place, place, env=there))
    assert (status, out) == (2, "")
    assert err.startswith("fnn: error: JAX_PLATFORMS: Unable to initialize backend 'abacus'")
    assert err.count("\n") == 1


def test_a_platform_without_its_plug_in(place: Path) -> None:
    there = environment(place) | {"JAX_PLATFORMS": "cuda"}
    status, out, err = finish(start(["summary", "4", "3"], place, place, env=there))
    assert (status, out) == (2, "")
    assert err.startswith("fnn: error: ")
    assert "JAX_PLATFORMS" in err
    assert err.count("\n") == 1
