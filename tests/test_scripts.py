"""The set-up behind scripts/, without a network, and the lock file it installs from.

A stand-in interpreter replaces the two commands that take long (`-m venv` and `pip install`); all
else is the real thing. That the real two commands work is shown by whoever runs scripts/test first.
"""

import fcntl
import importlib.util
import itertools
import os
import re
import select
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent

# Runs setup.py with its slow commands replaced; each leaves a line in the log.
STAND_IN = """\
import os, sys, time
sys.path.insert(0, {scripts!r})
import setup

def run(*command):
    if "--check" in command:
        return not setup.check(command[-1])
    step = "pip" if "pip" in command else "venv"
    with open({log!r}, "a") as log:
        stamped = os.path.exists(setup.stamp_file(sys.argv[1]))
        log.write(step + (" stamped" if stamped else "") + "\\n")
    if step == "venv":
        time.sleep(float(os.environ.get("SLOW", 0)))
        os.makedirs(sys.argv[1] + "/bin", exist_ok=True)
        if not os.path.lexists(setup.python(sys.argv[1])):
            os.symlink(sys.executable, setup.python(sys.argv[1]))
    return int(os.environ.get("FAIL") == step)

setup.run = run
setup.main(sys.argv[1])
"""


class Checkout:
    """A copy of scripts/ with a lock file of its own, and a PATH with nothing on it but bin/."""

    def __init__(self, root: Path):
        self.root = root
        self.venv = root / ".venv"
        self.lock = root / "requirements.lock"
        self.bin = root / "bin"
        shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("_*"))
        self.lock.write_text("# nothing\n")
        self.bin.mkdir()
        for tool in ("sh", "readlink", "dirname"):
            (self.bin / tool).symlink_to(shutil.which(tool))
        (root / "stand_in.py").write_text(
            STAND_IN.format(scripts=str(root / "scripts"), log=str(root / "log"))
        )

    def interpreter(self, name: str, body: str) -> Path:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def stand_in(self, name: str = "python3") -> None:
        self.interpreter(
            name,
            f'[ "$1" = -I ] || exec "{sys.executable}" "$@"\n'
            f'exec "{sys.executable}" -B "{self.root}/stand_in.py" "$3"',
        )

    def start(self, script: str, *arguments: str, cwd: Path | None = None, **env: str):
        return subprocess.Popen(
            [self.root / "scripts" / script, *arguments],
            cwd=cwd,
            env={"PATH": str(self.bin), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, script: str, *arguments: str, **options) -> tuple[int, str, str]:
        process = self.start(script, *arguments, **options)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def steps(self) -> list[str]:
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "a checkout")


@pytest.fixture
def setup(checkout, monkeypatch):
    """The checkout's setup.py as a module."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("setup", checkout.root / "scripts" / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HELLO = ("-c", "print('hello')")
OLD = f'"{sys.executable}" -c "import sys; sys.version_info = (3, 10, 9); $2"'


def test_the_first_call_sets_up_and_the_second_only_runs(checkout):
    checkout.stand_in()
    status, out, err = checkout.call("python", *HELLO)
    assert (status, out) == (0, "hello\n")
    assert err.count("\n") == 1 and "setting up .venv" in err
    assert checkout.steps() == ["venv", "pip"]

    assert checkout.call("python", *HELLO) == (0, "hello\n", "")
    assert checkout.steps() == ["venv", "pip"]


def test_a_second_call_needs_no_interpreter_on_the_path(checkout):
    checkout.stand_in()
    checkout.call("python", *HELLO)
    (checkout.bin / "python3").unlink()
    assert checkout.call("python", *HELLO) == (0, "hello\n", "")


def test_a_changed_lock_file_is_set_up_again_without_its_old_stamp(checkout):
    checkout.stand_in()
    checkout.call("python", *HELLO)
    checkout.lock.write_text("# something else\n")
    assert checkout.call("python", *HELLO)[:2] == (0, "hello\n")
    assert checkout.steps() == ["venv", "pip", "venv", "pip"]


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_a_failed_setup_says_what_to_do_and_is_made_again(checkout, step):
    checkout.stand_in()
    status, out, err = checkout.call("python", *HELLO, FAIL=step)
    assert status == 1 and out == ""
    assert "run the same command again" in err and "FNN_PYTHON" in err
    assert "Traceback" not in err
    assert not (checkout.venv / "fnn-stamp").exists()

    assert checkout.call("python", *HELLO)[:2] == (0, "hello\n")


def test_an_interrupted_rebuild_is_not_taken_for_the_environment_it_replaced(checkout):
    checkout.stand_in()
    checkout.call("python", *HELLO)
    checkout.lock.write_text("# something else\n")
    checkout.call("python", *HELLO, FAIL="venv")
    checkout.lock.write_text("# nothing\n")
    assert "setting up" in checkout.call("python", *HELLO)[2]


def test_the_stamp_depends_on_the_python(checkout, setup, monkeypatch):
    checkout.venv.mkdir()
    (checkout.venv / "fnn-stamp").write_text(setup.stamp())
    assert setup.check(str(checkout.venv))
    monkeypatch.setattr(sys, "version", "3.99.0")
    assert not setup.check(str(checkout.venv))


def test_two_first_calls_at_once_set_up_once(checkout):
    checkout.stand_in()
    both = [checkout.start("python", *HELLO, SLOW="0.5") for _ in range(2)]
    results = [process.communicate(timeout=60) for process in both]
    assert [out for out, _ in results] == ["hello\n", "hello\n"]
    assert checkout.steps() == ["venv", "pip"]


def test_the_one_that_waits_says_so(checkout, setup):
    checkout.stand_in()
    with open(f"{checkout.venv}.lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        waiting = checkout.start("python", *HELLO)
        select.select([waiting.stderr], [], [], 10)
        (checkout.venv / "bin").mkdir(parents=True)
        (checkout.venv / "bin" / "python").symlink_to(sys.executable)
        (checkout.venv / "fnn-stamp").write_text(setup.stamp())
    out, err = waiting.communicate(timeout=60)
    assert err == "fnn: another process is setting up .venv; waiting for it …\n"
    assert out == "hello\n"


def test_candidates_that_do_not_run_or_are_too_old_are_passed_over(checkout):
    checkout.interpreter("python3", "echo 'shim: no such version' >&2; exit 127")
    checkout.interpreter("python3.13", OLD)
    checkout.stand_in("python3.12")
    status, out, err = checkout.call("python", *HELLO)
    assert (status, out) == (0, "hello\n")
    assert "shim" not in err


def test_no_python_at_all(checkout):
    status, _, err = checkout.call("python", *HELLO)
    assert status == 1
    assert "no Python 3.11 or newer" in err


def test_commands_print_to_stderr_only(setup, capfd):
    assert setup.run(sys.executable, "-c", "print(1)") == 0
    assert setup.run(sys.executable, "-c", "exit(2)") == 2
    assert setup.run("/not/there") == 127
    assert capfd.readouterr() == ("", "1\n")


def test_missing_ensurepip_names_the_package(checkout, setup, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    package = f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    with pytest.raises(SystemExit, match=re.escape(package)):
        setup.make(str(checkout.venv))


ECHO = '[ "$1" = -c ] || printf "%s|" "$PWD" "$PYTHONPATH" "$@"'


def test_fnn_python_is_used_as_it_is(checkout, tmp_path):
    python = str(checkout.interpreter("mine", ECHO))
    here = tmp_path / "somewhere else"
    here.mkdir()
    status, out, err = checkout.call("fnn", "a b", "", "*", cwd=here, FNN_PYTHON=python)
    assert (status, err) == (0, "")
    assert out == f"{here}|{checkout.root}|-P|-m|fnn|a b||*|"
    assert not checkout.venv.exists()


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [((), "-n|auto|--maxprocesses|8|--dist|worksteal|"), (("-k", "a or b"), "-k|a or b|")],
)
def test_tests_run_from_the_checkout_with_what_was_given(checkout, tmp_path, arguments, passed):
    python = str(checkout.interpreter("mine", ECHO))
    _, out, _ = checkout.call("test", *arguments, cwd=checkout.bin, FNN_PYTHON=python)
    assert out == f"{checkout.root}|{checkout.root}|-P|-m|pytest|{passed}"


def test_a_symlink_to_a_script_finds_its_checkout(checkout):
    python = str(checkout.interpreter("mine", ECHO))
    (checkout.bin / "fnn").symlink_to(checkout.root / "scripts" / "fnn")
    _, out, _ = checkout.call("../bin/fnn", FNN_PYTHON=python)
    assert f"|{checkout.root}|" in out


@pytest.mark.parametrize(
    ("body", "complaint"),
    [(OLD, "is older than Python 3.11"), ("exit 127", "cannot be run")],
)
def test_an_unusable_fnn_python_is_refused(checkout, body, complaint):
    python = str(checkout.interpreter("mine", body))
    status, _, err = checkout.call("python", *HELLO, FNN_PYTHON=python)
    assert status == 1
    assert err == f"fnn: FNN_PYTHON={python} {complaint}\n"


def locked() -> list[tuple[Requirement, list[str]]]:
    """The requirements of the lock file, each with its hashes."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [
        (Requirement(line.split("--hash")[0]), re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line))
        for line in lines
        if line.strip()
    ]


def pins(python: str, system: str, machine: str) -> dict[str, str]:
    """Name and version of what the lock file installs there."""
    where = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
    }
    there = [r for r, _ in locked() if r.marker is None or r.marker.evaluate(where)]
    versions = {r.name: str(r.specifier).removeprefix("==") for r in there}
    assert len(versions) == len(there), "two versions of one package for the same Python"
    return versions


PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]


def test_the_lock_file_has_hashes_for_every_requirement_and_every_platform():
    assert all(hashes for _, hashes in locked())
    wheels = {r.name: len(hashes) for r, hashes in locked()}
    assert wheels["jaxlib"] >= 9, "fewer wheels than three platforms times three Pythons"


def test_the_lock_file_names_no_index_no_path_and_no_torch():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted|^-|/(home|root|tmp)/", text)
    assert not {r.name for r, _ in locked()} & {"torch", "keras", "flax", "equinox"}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("python", "series"), [("3.11", "0.10."), ("3.12", "0.12."), ("3.13", "0.12.")]
)
def test_the_lock_file_fits_the_project_on_every_python_and_platform(python, series, platform):
    versions = pins(python, *platform)
    assert versions["jax"].startswith(series)
    assert versions["jaxlib"].startswith(series)

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [project["dependencies"], *(extras[e] for e in ("cli", "data", "plots", "test"))]
    for requirement in map(Requirement, itertools.chain(*wanted)):
        if requirement.name != project["name"]:
            assert requirement.specifier.contains(versions[requirement.name]), requirement


def test_the_scripts_can_be_executed():
    for name in ("python", "fnn", "test", "check", "lock"):
        assert os.access(ROOT / "scripts" / name, os.X_OK), name
