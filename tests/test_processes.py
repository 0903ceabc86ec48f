"""Several processes that are one run: equal to one process, and how they end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import jax
import pytest

from fnn.cli.process.launcher import free_address
from tests import spread
from tests.processes import Done, call, finish, start

TRAIN = ["train", "iris", "--processes", "2", "--no-figures", "--epochs", "100000"]


@pytest.fixture(scope="module")
def alone():
    """What one process with one device comes to."""
    return {name: spread.told(None, [name]) for name in ("resident", "members", "kept")}


@pytest.mark.parametrize(
    ("names", "processes"), [(["resident", "members", "kept"], 2), (["resident"], 4)]
)
def test_processes_give_what_one_gives(tmp_path, alone, names, processes):
    """On each of them, whichever device and process computed it."""
    expected = {leaf: value for name in names for leaf, value in alone[name].items()}
    for made in spread.run(tmp_path, names, 4, processes):
        assert spread.furthest(made, expected) <= 1e-12


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


def stopped(folder: Path, programs: Path, act: Callable[[subprocess.Popen], None]) -> Done:
    """What comes of a long run on two processes after something befalls it."""
    process = start([*TRAIN, "--out", str(folder / "run")], folder, programs)
    try:
        until = time.monotonic() + 90
        while not list(folder.glob("run/metrics.jsonl")) and time.monotonic() < until:
            time.sleep(0.1)
        act(process)
        return finish(process)
    finally:
        process.kill()


def children(process: subprocess.Popen) -> list[int]:
    """Those that a command has started, in order."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
    )
    return sorted(map(int, found.stdout.split()))


def test_a_signal_to_one_ends_all_with_what_was_reached(tmp_path, programs):
    done = stopped(tmp_path, programs, lambda p: os.kill(children(p)[1], signal.SIGINT))
    assert (done.status, done.err) == (130, "")
    assert re.search(r"trained \d+ epochs?, interrupted in .* s on 2 × cpu", done.out)
    assert done.out.count("network 4-128-64-3") == 1
    assert {"config.json", "model", "result.json"} <= {p.name for p in (tmp_path / "run").iterdir()}
    assert '"coordinator": null' in (tmp_path / "run" / "config.json").read_text()


def test_a_sweep_on_two_processes(tmp_path, programs):
    """Its table is that of one process, and so is what is kept: process 0 prints and keeps."""
    words = "iris --hidden 4 --epochs 20 --over learning_rate=0.01,0.1 --seeds 2 --no-figures"
    outs = []
    for more in ("", " --processes 2 --out joined", " --resume joined"):
        given = f"sweep {words if 'resume' not in more else ''}{more}".split()
        done = finish(start(given, tmp_path, programs))
        assert (done.status, done.err) == (0, ""), done
        outs.append(done.out)
    tables = [out[out.index("learning_rate  ") :].split("again:")[0] for out in outs]
    assert tables[0].splitlines()[:4] == tables[1].splitlines()[:4] == tables[2].splitlines()[:4]
    kept = [
        {path.name for path in (tmp_path / name).iterdir()}
        for name in ("runs/iris-sweep-1", "joined")
    ]
    assert kept[0] == kept[1]


def test_the_others_do_not_wait_for_one_that_died(tmp_path, programs):
    done = stopped(tmp_path, programs, lambda p: os.kill(children(p)[1], signal.SIGKILL))
    assert done.status == 137
    assert "fnn: process 1 was ended by SIGKILL" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--processes 0", "--processes: expected 1 or more, got 0"),
        ("--devices 0", "--devices: expected 1 or more, got 0"),
        ("--process 1", "--process: needs --coordinator HOST:PORT and --processes"),
        ("--coordinator node0", "--coordinator: expected HOST:PORT, got node0"),
        ("--coordinator node0:x", "--coordinator: expected HOST:PORT, got node0:x"),
        ("--coordinator a:1 --processes 2", "--coordinator: needs --processes and --process"),
        ("--coordinator auto --processes 2", "--processes: is found out by --coordinator auto"),
        (
            "--coordinator a:1 --processes 2 --process 2",
            "--process: expected 0 … 1 of 2, got 2",
        ),
        (
            "--coordinator a:1 --processes 2 --process 1 --devices 3",
            "--devices: 3 can't be divided among 2 processes",
        ),
        ("--devices 99", "--devices: 99 asked for, and JAX finds 1 (cpu)"),
        ("--device cpu --devices 3", "--devices: 3 asked for, and JAX finds 1 (cpu)"),
        (
            "--coordinator nowhere.invalid:1 --processes 2 --process 1",
            "--coordinator: nowhere.invalid:1 does not answer",
        ),
    ],
)
def test_options_that_can_not_be(capsys, options, told):
    jax.devices()  # begun, JAX makes no more of them
    done = call(capsys, "train", "iris", "--no-save", "--epochs", "1", *options.split())
    assert done.status == 2 and done.err.startswith(f"fnn: error: {told}"), done.err


def test_a_port_that_is_taken(capsys):
    import socket

    host, _, port = free_address().rpartition(":")
    with socket.create_server((host, int(port))):
        taken = f"--coordinator {host}:{port} --processes 2 --process 0 --no-save".split()
        done = call(capsys, "train", "iris", *taken)
    assert done.status == 2 and done.err.startswith("fnn: error: --coordinator: can't listen")


def test_the_best_is_trained_again_without_a_process(tmp_path, programs):
    """What `fnn sweep` ends with can be pasted."""
    words = [
        "sweep",
        "iris",
        "--hidden",
        "4",
        "--epochs",
        "2",
        "--seeds",
        "2",
        "--processes",
        "2",
        "--no-save",
    ]
    done = finish(start(words, tmp_path, programs))
    assert done.status == 0
    assert "again: fnn train iris --hidden 4 --epochs 2 --processes 2\n" in done.out
