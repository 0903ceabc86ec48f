"""Commands where something around them is broken: each ends well, or with one line and status 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fnn
from fnn.files import expanded
from fnn.runs import verify
from fnn.spec import FnnError
from tests.processes import environment, finish, start

TRAIN = ("train", "iris", "--hidden", "4", "--epochs", "3", "--no-figures")
HOMELESS = """
import os, pwd, sys
os.environ.pop("HOME", None)
def getpwuid(uid): raise KeyError("no such user")
pwd.getpwuid = getpwuid
from fnn.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("surroundings")


def without_home(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = environment(place)
    for name in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME", "FNN_DATA_DIR"):
        variables.pop(name, None)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", HOMELESS, *arguments],
        cwd=place,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_without_a_home_nothing_is_kept_and_all_is_trained(place: Path) -> None:
    done = without_home(place, *TRAIN, "--out", "homeless")
    assert (done.returncode, done.stderr) == (0, "")
    assert verify(place / "homeless")[1] == []


@pytest.mark.parametrize(
    "arguments, path", [(("data", "list"), "~/.cache"), (("train", "~/x.csv"), "~/x.csv")]
)
def test_a_path_below_a_home_that_is_not_known(
    place: Path, arguments: tuple[str, ...], path: str
) -> None:
    done = without_home(place, *arguments)
    told = f"fnn: error: {path}: no such home folder is known; is HOME set?\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_the_home_of_a_user_who_is_not_there() -> None:
    with pytest.raises(FnnError, match=r"^~nobody-at-all/x: no such home folder is known"):
        expanded("~nobody-at-all/x")


def test_caches_that_are_damaged_or_a_file(place: Path) -> None:
    """Programs are compiled anew, to the same bits."""
    programs, file = place / "programs", place / "file"
    first = finish(start([*TRAIN, "--out", "first"], place, programs))
    kept = [path for path in programs.rglob("*") if path.is_file()]
    assert (first.status, first.err) == (0, "") and kept
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    file.touch()
    for name, cache in {"damaged": programs, "a-file": file, "below": file / "programs"}.items():
        done = finish(start([*TRAIN, "--out", name], place, cache))
        assert (done.status, done.err) == (0, ""), name
        assert model(place / name) == model(place / "first"), name


def test_a_folder_that_can_not_be_made(place: Path) -> None:
    (place / "no-folder").touch()
    done = finish(start([*TRAIN, "--out", "no-folder/run"], place, place / "programs"))
    told = "fnn: error: no-folder/run: a part of this path is not a folder\n"
    assert (done.status, done.err) == (2, told)


def test_a_clock_that_is_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither bits nor the order of checkpoints depend on it."""
    import time

    now = time.time()
    options = {"epochs": 3, "progress": False, "save_every": 0}
    fnn.train(fnn.mlp([4], 3), "iris", folder=tmp_path / "a", **options)

    def set_back(event: fnn.TrainingEvent) -> None:
        nonlocal now
        now -= 3600.0

    monkeypatch.setattr(time, "time", lambda: now)
    fnn.train(fnn.mlp([4], 3), "iris", folder=tmp_path / "b", loggers=[set_back], **options)
    assert model(tmp_path / "b") == model(tmp_path / "a")
    last = [max((tmp_path / name / "checkpoints").glob("*.json")).name for name in "ab"]
    assert last == 2 * ["step-0000000009.json"]
    assert verify(tmp_path / "b")[1] == []


def model(folder: Path) -> bytes:
    (path,) = (folder / "model").glob("*.safetensors")
    return path.read_bytes()
