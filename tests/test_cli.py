"""The command line, as a person types it."""

from __future__ import annotations

import gzip
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

import fnn.cli

QUICK = ["--hidden", "4", "--epochs", "2"]


@pytest.fixture
def run(monkeypatch, capsys):
    """`fnn ARGUMENTS…` in this process: its exit status, output and errors."""
    monkeypatch.setattr(fnn.cli, "_cache_programs", lambda: None)

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = fnn.cli.main(arguments)
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize("gradient", ["automatic", "manual"])
def test_train_prints_what_it_did(run, gradient: str) -> None:
    status, out, err = run("train", "iris", *QUICK, "--gradient", gradient)
    assert (status, err) == (0, "")
    assert "iris: 90 rows to train on, 30 to validate, 30 to test" in out
    assert "network 4-4-3, relu, 35 parameters" in out
    assert re.search(r"^test accuracy [01]\.\d{4} \(30 rows\)$", out, re.MULTILINE)


def test_both_gradients_print_the_same_table(run) -> None:
    tables = [
        run("train", "iris", *QUICK, "--gradient", gradient)[1].split("trained in")[0]
        for gradient in ("automatic", "manual")
    ]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "warmup_cosine", "one_cycle"])
def test_schedules_end_with_the_run(schedule: str) -> None:
    from fnn.cli.train import make_schedule

    made = make_schedule(schedule, 0.1, steps=200)
    values = [float(made.value(step)) for step in range(201)]
    assert max(values) == pytest.approx(0.1)
    assert values[-1] < 1e-4


def test_options_reach_the_run(run) -> None:
    status, out, _ = run(
        *("train", "wine", "--hidden", "5", "3", "--activation", "tanh", "--dropout", "None"),
        *("--optimizer", "sgd", "--learning-rate", "0.5", "--schedule", "cosine"),
        *("--batch-size", "10", "--epochs", "1", "--fractions", "0.5", "0.25", "0.25"),
        *("--batch-norm",),
    )
    assert status == 0
    assert "network 13-5-3-3, tanh" in out
    assert "sgd at rate CosineDecay(init_value=0.5, decay_steps=9.0), batches of 10" in out


def test_summary(run) -> None:
    status, out, _ = run("summary", "784", "10", "--hidden", "128", "64", "--dropout", "None")
    assert status == 0
    assert "109,386" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "irs"], "unknown data 'irs'; did you mean 'iris'?"),
        (["train", "iris", "--activation", "rlu"], "activation: unknown name 'rlu'; did you mean"),
        (["train", "iris", "--optimizer", "adm"], "unknown name 'adm'; did you mean 'adam'?"),
        (["train", "iris", "--schedule", "cosin"], "unknown schedule 'cosin'; did you mean"),
        (["train", "iris", "--hidden", "4", "0"], "hidden[1].units: expected at least 1, got 0"),
        (["train", "iris", "--dropout", "1"], "rate: expected less than 1, got 1.0"),
        (["train", "iris", "--epochs", "0"], "expected at least 1 epoch, got 0"),
        (["train", "iris", "--batch-size", "0"], "batch_size: expected at least 1, got 0"),
        (["train", "iris", "--learning-rate", "-1"], "learning_rate: expected at least 0"),
        (["train", "iris", "--learning-rate", "nan"], "learning_rate: expected a finite number"),
        (["train", "iris", "--learning-rate", "1e30", *QUICK], "the loss became"),
        (["train", "iris", "--fractions", "0.5", "0.5", "0.5"], "fractions: expected"),
        (["train", "iris", "--fractions", "1", "0", "0", *QUICK], "no rows to test"),
        (["train", "mnist", "--data-dir", "no/such/folder"], "no/such/folder/mnist"),
        (["summary", "0", "10"], "expected axes of length 1 or more, got (0,)"),
        (["summary", "3", "0"], "units: expected at least 1, got 0"),
    ],
)
def test_bad_input_is_an_error_for_people(run, arguments, message) -> None:
    status, _, err = run(*arguments)
    assert status == 2
    assert err.startswith("fnn: error: ")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [[], ["trian", "iris"], ["train"], ["train", "iris", "-x"]])
def test_what_cannot_be_parsed(run, arguments) -> None:
    status, out, err = run(*arguments)
    assert status == 2
    assert "Traceback" not in out + err


def test_the_manual_is_complete(run) -> None:
    status, out, _ = run("train", "--help")
    assert status == 0
    for option in ("--hidden", "--dropout", "--optimizer", "--schedule", "--gradient", "--seed"):
        assert option in out


def test_a_missing_tyro_is_named(run, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tyro", None)
    status, _, err = run("train", "iris")
    assert status == 2
    assert "pip install 'fnn[cli,data]'" in err


def test_mnist_from_files(run, tmp_path) -> None:
    draw = np.random.default_rng(0)
    for part, rows in (("train", 60), ("t10k", 20)):
        pixels = draw.integers(0, 256, (rows, 28, 28), dtype=np.uint8)
        labels = (np.arange(rows) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            with gzip.open(tmp_path / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
    status, out, err = run("train", "mnist", "--data-dir", str(tmp_path), *QUICK)
    assert (status, err) == (0, "")
    assert "mnist: 45 rows to train on, 15 to validate, 20 to test" in out


def test_a_whole_process_keeps_its_programs_for_the_next(tmp_path) -> None:
    """Also: Python's -m, the exit status, and no noise on either stream."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-W", "error", "-m", "fnn", "train", "iris", *QUICK]
    outputs = []
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        outputs.append(re.sub(r"[\d.,]+ (s|rows a second)", "", done.stdout))
        programs = {path.name for path in (tmp_path / "fnn" / "programs").iterdir()}
        assert programs
    assert outputs[0] == outputs[1]
