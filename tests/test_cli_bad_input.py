"""Bad input to the command, run as a process: status 2, one line that says what and where, and
nothing left behind."""

from __future__ import annotations

import gzip
import importlib
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.processes import Done, call, finish, start

QUICK = ("--hidden", "4", "--epochs", "2", "--no-figures")
X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = np.arange(40) % 3
ROWS = [f"{x[0]:.3f},{'red' if row % 3 else 'blue'},{row % 2}" for row, x in enumerate(X)]


def changed(array: np.ndarray, place: int | tuple[int, int], value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


ARRAYS = {
    "fractions": (X, changed(Y.astype(float), 7, 1.5)),
    "beyond": (X, changed(Y, 7, 5)),
    "nan": (changed(changed(X, (3, 1), np.nan), (5, 1), np.inf), Y),
    "no_target": (X, changed(X[:, 0], 7, np.nan)),
    "empty": (X[:0], Y[:0]),
    "one_row": (X[:1], Y[:1]),
    "one_class": (X, 0 * Y),
}
TEXTS = {
    "good": ["a,color,y", *ROWS],
    "ragged": ["a,color,y", *ROWS[:5], "1,red"],
    "semicolons": [row.replace(",", ";") for row in ["a,color,y", *ROWS]],
    "infinite": ["a,color,y", *ROWS[:5], "inf,red,1", *ROWS[5:]],
    "header": ["a,color,y"],
    "green": ["a,color", "1,green"],
    "many": ["a,color", *["1,red"] * 500],
    "lacking": ["a,shade", "1,red"],
    "other_class": ["a,color,y", "1,red,7"],
}
TRAIN = {
    "classes that are fractions": (["fractions.npz", "--task", "classification"], "row 7", "1.5"),
    "a class left out": (["beyond.npz", "--task", "classification"], "row 7", "between 2 and 5"),
    "inputs not finite": (["nan.npz"], "1 NaN and 1 infinite", "row 3 of column 1"),
    "a target not finite": (["no_target.npz"], "1 NaN", "row 7"),
    "an infinite field": (["infinite.csv", "--target", "y"], "column a", "line 7"),
    "no rows": (["empty.npz"], "empty", "expected rows", "(0, 3)"),
    "only a header": (["header.csv", "--target", "y"], "header.csv", "no rows"),
    "one row": (["one_row.npz"], "one_row", "at least two rows"),
    "one class": (["one_class.npz"], "one_class", "at least two classes", "'0'"),
    "a batch of no rows": (["iris", "--batch-size", "0"], "--batch-size", "90 to train", "got 0"),
    "a negative rate": (
        ["iris", "--learning-rate", "-1"],
        "--learning-rate: ",
        "at least 0",
        "-1.0",
    ),
    "a rate of NaN": (["iris", "--learning-rate", "nan"], "--learning-rate: ", "finite", "nan"),
    "a cut IDX file": (["mnist", "--data-dir", "cut"], "train-images", "bytes"),
    "a wrong magic": (["mnist", "--data-dir", "magic"], "train-images", "magic"),
    "no such target": (["good.csv", "--target", "z"], "good.csv", "no column 'z'"),
    "ragged rows": (["ragged.csv", "--target", "y"], "ragged.csv: line 7", "3 fields", "got 2"),
    "a wrong delimiter": (["semicolons.csv", "--target", "y"], "semicolons.csv", "';'"),
    "a folder that exists": (["iris", "--out", "there"], "there: exists already"),
    "a folder below a file": (["iris", "--out", "good.csv/x"], "good.csv/x", "not a folder"),
    "no such device": (["iris", "--device", "tpu"], "--device", "no tpu", "only cpu"),
    "a config that is none": (["--config", "there"], "there: is not the folder of a run"),
}
USE = {
    "an unknown category": (["predict", "kept", "green.csv"], "green.csv: column color: line 2"),
    "a missing column": (["predict", "kept", "lacking.csv"], "lacking.csv", "'color'"),
    "no model": (["predict", "there", "good.csv"], "there: no model is here"),
    "no run": (["evaluate", "there"], "there: no model is here"),
    "an unknown class": (["evaluate", "kept", "other_class.csv"], "other_class.csv", "'7'"),
    "an output below a file": (["predict", "kept", "good.csv", "-o", "good.csv/x"], "good.csv"),
}
CASES = {name: (["train", *words, *QUICK], *said) for name, (words, *said) in TRAIN.items()} | USE


@pytest.fixture
def command(capsys):
    """`fnn ARGUMENTS…` in this process."""
    return partial(call, capsys)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder of bad files, with a run that was kept."""
    folder = tmp_path_factory.mktemp("bad")
    for name, (x, y) in ARRAYS.items():
        np.savez(folder / f"{name}.npz", x=x, y=y)
    for name, lines in TEXTS.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "there").mkdir()
    pixels = struct.pack(">HBBIII", 0, 8, 3, 60, 28, 28) + bytes(60 * 784)
    for name, content in {"cut": pixels[:-9], "magic": b"\1" + pixels[1:]}.items():
        (folder / name).mkdir()
        for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3"):
            (folder / name / f"{part}-ubyte.gz").write_bytes(gzip.compress(content, 1))
        (folder / name / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"", 1))
    done = finish(
        start(
            ["train", "good.csv", "--target", "y", *QUICK, "--out", "kept"],
            folder,
            folder / "programs",
        )
    )
    assert (done.status, done.err) == (0, "")
    return folder


@pytest.fixture(scope="module")
def outcomes(place: Path) -> dict[str, Done]:
    """Every case, two at a time."""

    def run(words: list[str]) -> Done:
        return finish(start(words, place, place / "programs"))

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CASES, pool.map(run, [words for words, *_ in CASES.values()]), strict=True))


def test_nothing_is_left_behind(place: Path, outcomes) -> None:
    assert not (place / "runs").exists()
    assert list((place / "there").iterdir()) == []
    assert {path.name for path in place.iterdir() if path.is_dir()} == {
        *("there", "cut", "magic", "kept", "programs")
    }
    assert [path.name for path in place.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_and_where(outcomes: dict[str, Done], name: str) -> None:
    status, _, err = outcomes[name]
    assert status == 2, err
    assert err.startswith("fnn: error: ")
    assert err.count("\n") == 1
    for said in CASES[name][1:]:
        assert said in err


@pytest.mark.parametrize(
    ("words", "blocks", "file"),
    [
        (["predict", "kept", "many.csv", "-o", "answers.csv"], 1, "answers.csv"),
        (["train", "good.csv", "--target", "y", *QUICK, "--out", "no/room"], 1, "config.json"),
        (["train", "iris", *QUICK[:2], "--epochs", "200", "--out", "some"], 16, "metrics.jsonl"),
    ],
)
def test_a_full_disk_leaves_what_was_there(place: Path, words, blocks: int, file: str) -> None:
    (place / "answers.csv").write_text("before")
    kept = {path: path.read_bytes() for path in (place / "kept").rglob("*") if path.is_file()}
    process = start(words, place, place / "programs", blocks=blocks)
    status, _, err = finish(process)
    assert status == 2
    assert "Traceback" not in err
    assert f"{file}: file too large" in err.splitlines()[-1]
    assert (place / "answers.csv").read_text() == "before"
    assert {path: path.read_bytes() for path in kept} == kept
    assert not (place / "no").exists()
    assert not [path for path in place.rglob(".*") if path.name.endswith(".tmp")]


def test_output_that_can_not_be_written(place: Path) -> None:
    with open("/dev/full", "w") as full:
        process = start(["predict", "kept", "good.csv"], place, place / "programs", stdout=full)
        status, _, err = finish(process)
    assert status == 2
    assert err == "fnn: error: writing the output: No space left on device\n"


def test_a_reader_that_leaves(place: Path) -> None:
    process = start(["predict", "kept", "good.csv"], place, place / "programs")
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), err) == (141, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["irs"], "unknown data 'irs'; did you mean 'iris'?"),
        (["iris", "--activation", "rlu"], "error: --activation: unknown name 'rlu'; did you mean"),
        (
            ["iris", "--optimizer", "adm"],
            "error: --optimizer: unknown name 'adm'; did you mean 'adam'?",
        ),
        (
            ["iris", "--schedule", "cosin"],
            "error: --schedule: unknown schedule 'cosin'; did you mean",
        ),
        (["iris", "--hidden", "4", "0"], "error: --hidden: expected at least 1, got 0"),
        (["iris", "--dropout", "1"], "error: --dropout: expected less than 1, got 1.0"),
        (["iris", "--dropout", "nan"], "error: --dropout: expected a finite number, got nan"),
        (["iris", "--dropout", "-0.1"], "error: --dropout: expected at least 0, got -0.1"),
        (["iris", "--epochs", "0"], "error: --epochs: expected 1 or more, got 0"),
        (["iris", "--batch-size", "0"], "--batch-size: expected from 1 to 90 rows"),
        (["iris", "--weight-decay", "-1"], "error: --weight-decay: expected at least 0"),
        (["iris", "--clip-norm", "nan"], "error: --clip-norm: expected a finite number"),
        (["iris", "--label-smoothing", "2"], "error: --label-smoothing: expected at most 1"),
        (["diabetes", "--label-smoothing", "0.1"], "--label-smoothing: numbers have no labels"),
        (["iris", "--average", "moving", "--average-decay", "2"], "error: --average-decay: "),
        (["iris", "--seed", "-1"], "error: --seed: expected a whole number from 0"),
        (["iris", "--split", "50", "50", "50"], "error: --split: expected a fraction"),
        (["iris", "--split", "80", "20", "0"], "80 20 0 leave no rows to test"),
        (["iris", "--split", "80", "0", "20", "--patience", "3"], "--patience: needs validation"),
        (["iris", "--metrics", "r2"], "error: --metrics: r2 is for numbers"),
        (
            ["iris", "--keep", "accurac"],
            "error: --keep: unknown metric 'accurac'; did you mean 'accuracy'?",
        ),
        (["iris", "--epochs", "1", "--validate-every", "2"], "error: --validate-every: the first"),
        (["iris", "--split-seed", "-1"], "error: --split-seed: expected a whole number"),
        (["iris", "--drop", "a"], "options about a file's columns don't go with a known set"),
        (["mnist", "--data-dir", "no/such/folder"], "no/such/folder/mnist"),
        (["--no-figures", "--config"], "--config: expected the folder of a run"),
        (["--config", "nowhere"], "nowhere: does not exist"),
    ],
)
def test_what_is_said_before_anything_is_compiled(command, words, said) -> None:
    status, _, err = command("train", "--no-save", *words)
    assert status == 2
    assert err.startswith("fnn: error: ")
    assert said in err


@pytest.mark.parametrize("words", [[], ["trian", "iris"], ["train"], ["train", "iris", "-x"]])
def test_what_can_not_be_parsed(command, words) -> None:
    status, out, err = command(*words)
    assert status == 2
    assert "Traceback" not in out + err


def test_a_missing_tyro_is_named(command, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tyro", None)
    status, _, err = command("train", "iris")
    assert status == 2
    assert "pip install 'fnn[cli,data]'" in err


def test_memory_that_is_not_there_is_an_error_for_people(command, monkeypatch) -> None:
    main = importlib.import_module("fnn.cli.main")
    monkeypatch.setattr(main, "parse", lambda _: (_ for _ in ()).throw(MemoryError))
    assert command("train", "iris") == (2, "", "fnn: error: out of memory\n")
