"""Files are written whole or not at all, and errors say which file and why."""

from __future__ import annotations

import errno
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from fnn.files import (
    append_line,
    field,
    json_text,
    read_json,
    read_record,
    replace_file,
    with_floats,
    write_bytes,
    write_json,
)
from fnn.spec import FnnError

resource = pytest.importorskip("resource")
NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def little_room(limit: int) -> Iterator[None]:
    """No file of this process may grow beyond `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_file_is_written(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "a.bin"
    if before is not None:
        path.write_bytes(before)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode  # what the umask allows, no less


def fail(error: BaseException) -> Callable[..., Any]:
    def raising(*_: Any) -> Any:
        raise error

    return raising


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [NO_SPACE, KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_failure_leaves_what_was_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: bytes | None,
    call: str,
    error: BaseException,
) -> None:
    path = tmp_path / "a.bin"
    if before is not None:
        path.write_bytes(before)
    monkeypatch.setattr(os, call, fail(error))
    with pytest.raises(FnnError if error is NO_SPACE else KeyboardInterrupt) as caught:
        write_bytes(path, b"new")
    if error is NO_SPACE:
        assert str(caught.value) == f"{path}: no space left on device"
    assert [(at, at.read_bytes()) for at in tmp_path.iterdir()] == (
        [] if before is None else [(path, before)]
    )


def test_an_exception_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replace_file(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert [(at, at.read_bytes()) for at in tmp_path.iterdir()] == [(path, b"old")]


@pytest.mark.parametrize("size", [5_000, 5_000_000])
def test_a_file_that_may_not_grow(tmp_path: Path, size: int) -> None:
    """The system itself refuses: at the flush of a small file, in the middle of a large one."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with little_room(1_000), pytest.raises(FnnError, match=r"a\.bin: file too large"):
        write_bytes(path, b"x" * size)
    assert [(at, at.read_bytes()) for at in tmp_path.iterdir()] == [(path, b"old")]


KILLED = """
import os, signal, sys
from fnn.files import write_bytes
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_bytes(sys.argv[1], b"new")
"""


def test_a_kill_before_the_last_moment_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, path], cwd=Path(__file__).parents[1])
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert [at.name[0] for at in tmp_path.iterdir() if at != path] == ["."]


def test_an_error_shows_the_path_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FnnError, match=r"^none/a\.bin: the folder /.*/none does not exist$"):
        write_bytes("none/a.bin", b"new")


def folder(path: Path) -> Path:
    return path


def in_a_file(path: Path) -> Path:
    (path / "file").touch()
    return path / "file" / "a.bin"


def in_no_folder(path: Path) -> Path:
    return path / "none" / "a.bin"


def locked(path: Path) -> Path:
    """The folder, where nothing may be written any more."""
    path.chmod(0o500)
    if os.access(path, os.W_OK):
        pytest.skip("this user may write everywhere")
    return path


def unwritable(path: Path) -> Path:
    return locked(path) / "a.bin"


def too_long(path: Path) -> Path:
    return path / ("a" * 300)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (folder, "is a folder, not a file"),
        (in_a_file, "the folder {parent} does not exist"),
        (in_no_folder, "the folder {parent} does not exist"),
        (unwritable, "permission denied"),
        (too_long, "file name too long"),
        (lambda _: Path("/dev/full"), "no space left on device"),
    ],
)
def test_where_nothing_can_be_written(
    tmp_path: Path, place: Callable[[Path], Path], words: str
) -> None:
    path = place(tmp_path)
    if path.parts[1] == "dev" and not path.exists():
        pytest.skip("there is no such device")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FnnError) as caught:
        write_bytes(path, b"new")
    assert str(caught.value) == f"{path}: {words.format(parent=path.parent)}"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_stays_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    target, link, pipe = (tmp_path / name for name in ("target", "link", "pipe"))
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_bytes(pipe, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_json_there_and_back(tmp_path: Path) -> None:
    value = {
        "text": "größe",
        "nothing": None,
        "flag": np.bool_(True),
        "half": jnp.asarray(0.5, jnp.bfloat16),
        "table": np.arange(4).reshape(2, 2),
        "bad": [math.nan, np.float32(math.inf), -math.inf],
        "path": Path("a/b"),
        "pair": (1, 2.5),
    }
    write_json(tmp_path / "a.json", value)
    data = read_json(tmp_path / "a.json")
    assert data["bad"] == ["NaN", "Infinity", "-Infinity"]
    back = with_floats(data)
    assert math.isnan(back["bad"][0])
    assert back["bad"][1:] == [math.inf, -math.inf]
    plain = {"text": "größe", "nothing": None, "flag": True, "half": 0.5, "table": [[0, 1], [2, 3]]}
    assert data == plain | {"bad": data["bad"], "path": "a/b", "pair": [1, 2.5]}
    assert data["flag"] is True


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, object]}, "a[1]: JSON can't hold type <class 'object'>"),
        ({"a": {1: 2}}, "a: JSON can't hold dict {1: 2}"),
        (2j, "JSON can't hold complex 2j"),
    ],
)
def test_what_json_cannot_hold(value: Any, words: str) -> None:
    with pytest.raises(FnnError) as caught:
        json_text(value)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "does not exist"),
        (b"", "not JSON: Expecting value at line 1, column 1"),
        (b'{"a": 1,\n "b" 2}', "not JSON: Expecting ':' delimiter at line 2, column 6"),
        (b'{"a":\n"\xff"}', "not UTF-8 text: invalid start byte in line 2"),
        (b"[" * 100_000, "not JSON that can be read: nested too deeply (over 100 levels)"),
        (b"[1]", "expected a JSON object, got list"),
        (b'{"b": 1}', "the entry 'format' is missing"),
        (b'{"format": "1"}', "expected 'format' to be of type int, got '1'"),
        (b'{"format": true}', "expected 'format' to be of type int, got True"),
        (b'{"format": 3}', "written by a newer fnn: its format is 3, this one reads up to 2"),
    ],
)
def test_a_record_that_cannot_be_read(tmp_path: Path, data: bytes | None, words: str) -> None:
    path = tmp_path / "a.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(FnnError, match=f"^{re.escape(f'{path}: {words}')}$"):
        read_record(path, 2)


def test_fields_of_a_record() -> None:
    record = {"data": {"name": "iris"}, "best": None}
    assert field(record, "data.name", str, "a") == "iris"
    assert field(record, "best", int | None, "a") is None
    with pytest.raises(FnnError, match=r"^a: the entry 'data\.rows' is missing$"):
        field(record, "data.rows", int, "a")
    with pytest.raises(FnnError, match=r"^a: expected 'data' to be of type int \| None, got"):
        field(record, "data", int | None, "a")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "new\n"),
        ("", "new\n"),
        ("one\ntwo\n", "one\ntwo\nnew\n"),
        ("one\ntw", "one\nnew\n"),
        ("on", "new\n"),
    ],
)
def test_a_line_is_added_and_a_torn_one_goes(
    tmp_path: Path, before: str | None, after: str
) -> None:
    path = tmp_path / "lines"
    if before is not None:
        path.write_text(before)
    append_line(path, "new")
    assert path.read_text() == after


def test_a_line_without_room_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_line(path, "one")
    with little_room(10), pytest.raises(FnnError, match="lines: file too large"):
        append_line(path, "x" * 100)
    assert path.read_text() == "one\n"


@pytest.mark.parametrize("place", [folder, in_no_folder, unwritable])
def test_a_line_that_has_no_place(tmp_path: Path, place: Callable[[Path], Path]) -> None:
    path = place(tmp_path)
    with pytest.raises(FnnError, match=f"^{re.escape(str(path))}: "):
        append_line(path, "new")
