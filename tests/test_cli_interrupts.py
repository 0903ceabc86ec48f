"""Ctrl-C at whatever moment: one line at once, the status 130, no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

import fnn.sweeps.test_protocol
import fnn.sweeps.train
from fnn.cli.process.signals import (
    NOTED,
    handle_sigint,
    interrupted,
    note_folder,
    stop_on_signals,
)
from fnn.cli.process.startup import loading
from tests.processes import Done, call, environment, finish

DEAF = "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"
"""minutes in C code, as a compilation is"""
COMMANDS = {
    "sweep": ("sweep", "iris", "--hidden", "4", "--epochs", "1", "--seeds", "2"),
    "search": (
        *("search", "iris", "--hidden", "4", "--epochs", "1"),
        *("--over", "dropout=0:0.5", "--trials", "2"),
    ),
}


def busy(body: str, tmp_path: Path) -> subprocess.Popen:
    """A process that hears Ctrl-C as commands do, and is at something."""
    lines = [
        "from pathlib import Path",
        "from fnn.cli.process.signals import handle_sigint, note_folder, stop_on_signals",
        body,
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=tmp_path,
        env=environment(tmp_path),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdout.readline() == "busy\n"
    time.sleep(0.2)
    return process


def test_what_python_does_not_hear_ends_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").touch()
    body = f"with handle_sigint():\n    note_folder(Path('.')); print('busy', flush=True); {DEAF}"
    process = busy(body, tmp_path)
    process.send_signal(signal.SIGINT)
    assert finish(process) == Done(130, "", "fnn: interrupted; go on: fnn sweep --resume .\n")


def test_where_a_step_is_waited_for_it_says_so_and_a_second_one_ends_it(tmp_path: Path) -> None:
    body = f"with handle_sigint(), stop_on_signals():\n    print('busy', flush=True); {DEAF}"
    process = busy(body, tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None and process.stderr.readline() == NOTED
    time.sleep(1.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert finish(process) == Done(130, "", "fnn: interrupted\n")


def test_while_libraries_are_imported(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "fnn", "runs"],
        cwd=tmp_path,
        env=environment(tmp_path),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    while "tyro" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    told = [line for line in err.splitlines() if not line.startswith("import time:")]
    assert (status, out, told) == (130, "", ["fnn: interrupted"])


def test_while_a_command_under_way_imports(tmp_path: Path) -> None:
    """The library is not asked: NumPy would stay half imported, and jaxlib crash on it."""
    slow = "try:\n    print('busy', flush=True)\n    __import__('time').sleep(60)\n"
    (tmp_path / "slow.py").write_text(f"{slow}except KeyboardInterrupt:\n    pass\n")
    body = "from fnn.cli.process.startup import own_process\nown_process()\n"
    process = busy(f"{body}with handle_sigint():\n    import slow", tmp_path)
    process.send_signal(signal.SIGINT)
    assert finish(process) == Done(130, "", "fnn: interrupted\n")


def test_a_process_of_somebody_elses_is_not_ended_so() -> None:
    """`fnn.cli.main` called from Python loads its libraries under the caller's own handler."""
    with loading():
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("name", COMMANDS)
def test_after_the_last_one_was_trained(name: str, monkeypatch, capsys, tmp_path: Path) -> None:
    """The command to go on by is told wherever Ctrl-C comes, and works."""
    monkeypatch.chdir(tmp_path)
    run = partial(call, capsys)

    def stop(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fnn.sweeps.test_protocol, "measure_best", stop)
        status, _, err = run(*COMMANDS[name])
    folder = f"runs/iris-{name}-1"
    assert (status, err) == (130, f"fnn: interrupted; go on: fnn {name} --resume {folder}\n")
    status, out, err = run(name, "--resume", folder)
    assert (status, err) == (0, "") and "test accuracy" in out


def test_before_the_first_one_is_trained(monkeypatch, capsys, tmp_path: Path) -> None:
    """Ctrl-C during the first compilation: nothing is trained after it, and the sweep is listed."""
    monkeypatch.chdir(tmp_path)
    run = partial(call, capsys)

    def compiled(*arguments: object) -> int:
        signal.raise_signal(signal.SIGINT)
        return 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fnn.sweeps.train, "largest_size", compiled)
        patch.setattr(fnn.sweeps.train, "MemberBatch", None)
        status, out, _ = run(*COMMANDS["sweep"])
    assert status == 130 and "interrupted: 0 of 2 members have ended" in out
    assert out.endswith("go on: fnn sweep --resume runs/iris-sweep-1\n")
    assert "sweep, interrupted" in run("runs").out
    assert run("sweep", "--resume", "runs/iris-sweep-1").status == 0


BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", BOTH)
def test_the_first_signal_is_noted_and_the_second_insists(number: int) -> None:
    before = [signal.getsignal(one) for one in BOTH]
    with pytest.raises(KeyboardInterrupt), stop_on_signals() as stop:
        assert stop() == 0
        signal.raise_signal(number)
        assert stop() == stop() == number
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(one) for one in BOTH] == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop() == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_nothing_is_changed() -> None:
    before, seen = [signal.getsignal(one) for one in BOTH], []

    def inside() -> None:
        with stop_on_signals() as stop:
            seen.append(([signal.getsignal(one) for one in BOTH], stop()))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [(before, 0)]


def test_nothing_is_told_of_what_is_not_there(tmp_path: Path) -> None:
    with handle_sigint():
        note_folder(tmp_path)
        assert interrupted() == "fnn: interrupted"
        (tmp_path / "sweep.json").touch()
        assert interrupted() == f"fnn: interrupted; go on: fnn sweep --resume {tmp_path}"
    assert interrupted() == "fnn: interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
