"""Files that are written atomically, and readable errors of reading and writing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from io import FileIO
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, BinaryIO

from fnn.spec.errors import FnnError, SpecError
from fnn.spec.json_text import parse_text

if TYPE_CHECKING:
    import sqlite3

MESSAGES = {
    errno.ENOENT: "does not exist",
    errno.EISDIR: "is a folder, not a file",
    errno.ENOTDIR: "a part of this path is not a folder",
    errno.EEXIST: "exists already",
}
"""for errors whose usual text does not help"""
RECORD_LIMIT = 2**28
"""bytes of a file that is read as one JSON value, 256 MiB; of metrics.jsonl eight times that"""
DATA_LIMIT = 2**33
"""bytes of a data file that is read whole, 8 GiB; arrays in a folder of .npy stay on disk"""


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """An `OSError` raised inside becomes an `FnnError` with the file and the reason.

    So does a name that no file can have: one with a NUL, or that is no text in UTF-8.
    """
    check_name(path)
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        reason = reason[:1].lower() + reason[1:]
        raise FnnError(MESSAGES.get(error.errno or 0, reason), str(path)) from error


def check_name(path: str | Path) -> None:
    """Raises `FnnError` for a name that no file can have."""
    try:
        if b"\0" not in os.fsencode(path):
            return
        reason = "no file's name holds a NUL"
    except UnicodeEncodeError:
        reason = "no file's name holds half of a surrogate pair"
    raise FnnError(reason, ascii(str(path)))


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` in place. Raises `FnnError` where no such home is known."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise FnnError("no such home folder is known; is HOME set?", os.fspath(path)) from None


@contextmanager
def replace_file(path: str | Path) -> Iterator[BinaryIO]:
    """Write a file completely or not at all: `with replace_file(path) as file: file.write(data)`.

    The bytes go to a hidden file in the same folder, which takes the place of `path` once all of
    them are on the disk. Whatever happens before that (a full disk, an exception, a kill), an
    older file at `path` stays unchanged; the hidden file is removed except after a kill. A link
    keeps pointing at its file. A device or pipe (`/dev/stdout`) is written to directly.

    Raises `FnnError` with the path where the disk is full, the folder is missing or may not be
    written to, or the path is a folder.
    """
    with explained(path):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise FnnError(MESSAGES[errno.EISDIR], str(path))
        if not target.parent.is_dir():
            raise FnnError(f"the folder {target.parent} does not exist", str(path))
        if target.exists() and not target.is_file():
            with open(target, "wb") as file:
                yield file
            return
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
            sync_folder(target.parent)
        except BaseException:
            with contextlib.suppress(OSError):  # report the first error
                temporary.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: a file that was renamed is kept then."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_lock(path: str | Path, busy_message: str) -> Iterator[None]:
    """A lock beside the path, a hidden file, which is released however the process ends.

    The file is removed at the end; a kill leaves it, and it is then free to be taken.

    Raises `FnnError` with the path, and with `busy_message` where another process holds it.
    """
    path = Path(path)
    with explained(path):
        if not path.parent.is_dir():
            raise FnnError(f"the folder {path.parent} does not exist", str(path))
        if path.is_dir():
            raise FnnError(MESSAGES[errno.EISDIR], str(path))
    file = path.with_name(f".{path.name}.lock")
    lock = None
    while lock is None:
        lock = _locked(file, path, busy_message)
    with closing(lock):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # it is only empty
                file.unlink(missing_ok=True)  # while it is held


def _locked(file: Path, path: Path, busy_message: str) -> sqlite3.Connection | None:
    """A connection that holds the lock; None where the file was removed in between."""
    import sqlite3

    lock = sqlite3.connect(file, timeout=0, isolation_level=None)
    try:
        lock.execute("PRAGMA journal_mode = OFF")  # a kill would leave a journal behind
        before = file.stat().st_ino if file.exists() else None
        lock.execute("BEGIN EXCLUSIVE")
        if file.exists() and before in (None, file.stat().st_ino):
            with contextlib.suppress(OSError):  # of an older fnn
                file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
            return lock
    except sqlite3.Error as error:
        lock.close()
        damaged = f"can't be locked: {error}; delete {file.name} beside it"
        reason = busy_message if "locked" in str(error) else damaged
        raise FnnError(reason, str(path)) from error
    lock.close()
    return None


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file completely or not at all; errors as in `replace_file`."""
    with replace_file(path) as file:
        file.write(data)


def write_json(path: str | Path, value: object) -> None:
    """Write `json_text(value)`, indented, completely or not at all; errors as in `replace_file`."""
    write_bytes(path, (json_text(value, indent=2) + "\n").encode())


def write_record(path: str | Path, version: int, record: Mapping[str, object]) -> None:
    """Write a JSON object that carries the version of its format and a digest of itself.

    The `digest` is the SHA-256 of its canonical text (keys sorted, no spaces, UTF-8), itself left
    out: `read_record` refuses an object that has changed. Errors as in `write_json`.
    """
    plain = json.loads(json_text({"format": version, **record}))
    write_json(path, {**plain, "digest": digest_of(plain)})


def digest_of(record: Mapping[str, object]) -> str:
    """The SHA-256 of a record's canonical text, its own `digest` left out, in hexadecimal."""
    rest = {name: value for name, value in record.items() if name != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def json_text(value: object, indent: int | None = None) -> str:
    """A value as JSON that every parser reads: NaN and infinities are "NaN", "Infinity", …

    NumPy's and JAX's arrays and scalars become lists and numbers, paths become strings. Raises
    `FnnError` with the place of anything else.
    """
    plain = _plain(value, "")
    text = json.dumps(plain, indent=indent, ensure_ascii=False, allow_nan=False)
    if any("\ud800" <= character <= "\udfff" for character in text):  # names that are not UTF-8
        return json.dumps(plain, indent=indent, allow_nan=False)
    return text


def _plain(value: object, location: str) -> object:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{location}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, f"{location}.{key}") for key, item in value.items()}
    raise FnnError(f"JSON can't hold {type(value).__name__} {value!r}", location.removeprefix("."))


def with_floats(value: object) -> Any:
    """Parsed `json_text`, with "NaN", "Infinity" and "-Infinity" as floats again."""
    if isinstance(value, list):
        return [with_floats(item) for item in value]
    if isinstance(value, dict):
        return {key: with_floats(item) for key, item in value.items()}
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def read_bytes(path: str | Path, limit: int | None = RECORD_LIMIT) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises `FnnError` with the path where it can't be read, is larger, or is a device or a pipe,
    which need not end.
    """
    check_regular(path, limit)
    with explained(path), open(path, "rb") as file:
        data = file.read() if limit is None else file.read(limit + 1)
    if limit is not None and len(data) > limit:  # it has grown since
        raise FnnError(f"is larger than {_size(limit)}, the most that is read", str(path))
    return data


def check_regular(path: str | Path, limit: int | None = None) -> None:
    """Raises `FnnError` for what is no regular file, and for one of more than so many bytes."""
    with explained(path):
        status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise FnnError(MESSAGES[errno.EISDIR], str(path))
    if not stat.S_ISREG(status.st_mode):
        raise FnnError("is a device or a pipe, not a regular file", str(path))
    if limit is not None and status.st_size > limit:
        message = f"is larger than {_size(limit)}, the most that is read: {status.st_size:,} bytes"
        raise FnnError(message, str(path))


def _size(limit: int) -> str:
    return f"{limit >> 30} GiB" if limit >= 2**30 else f"{limit >> 20} MiB"


def read_json(path: str | Path) -> object:
    """The value in a JSON file. Raises `FnnError` with the path, line and column of a mistake."""
    return parse_json(read_bytes(path), path)


def parse_json(data: bytes, path: str | Path, line: int = 1) -> Any:
    """Parse JSON that begins at that line of a file; errors as in `read_json`."""
    try:
        return parse_text(data.decode())
    except SpecError as error:
        raise FnnError(error.message, str(path)) from None
    except json.JSONDecodeError as error:
        location = f"line {line + error.lineno - 1}, column {error.colno}"
        raise FnnError(f"not JSON: {error.msg} at {location}", str(path)) from None
    except UnicodeDecodeError as error:
        line += data[: error.start].count(b"\n")
        raise FnnError(f"not UTF-8 text: {error.reason} in line {line}", str(path)) from None


def read_record(path: str | Path, version: int) -> dict[str, Any]:
    """A JSON object that carries the version of its format, and from version 2 on its digest.

    Raises `FnnError` with the path where it is none, comes from a newer fnn, or has changed since
    it was written. Who edits one by hand sets its `digest` to null.
    """
    record = read_json(path)
    if not isinstance(record, dict):
        raise FnnError(f"expected a JSON object, got {type(record).__name__}", str(path))
    record_format = field(record, "format", int, path)
    if record_format < 1:
        raise FnnError(f"expected a format from 1 to {version}, got {record_format}", str(path))
    if record_format > version:
        raise FnnError(
            f"written by a newer fnn: its format is {record_format}, "
            f"this one reads up to {version}",
            str(path),
        )
    if record_format > 1 and field(record, "digest", str | None, path) not in (
        None,
        digest_of(record),
    ):
        raise FnnError(
            "has changed since it was written, or is damaged: its digest does not fit "
            '(if you have edited it, set its entry "digest" to null)',
            str(path),
        )
    return record


@contextmanager
def indispensable(for_what: str) -> Iterator[None]:
    """An error about a file raised inside adds what can't continue without it."""
    try:
        yield
    except FnnError as error:
        error.message += f"; without it the {for_what} can't go on: begin anew in another folder"
        raise


def field(record: object, name: str, kind: type | UnionType, path: str | Path) -> Any:
    """The entry `name` (`data.name` inside an object) of a record, of that type."""
    value = record
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            raise FnnError(f"the entry {name!r} is missing", str(path))
        value = value[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        type_name = getattr(kind, "__name__", kind)
        raise FnnError(f"expected {name!r} to be of type {type_name}, got {value!r}", str(path))
    return value


def append_line(path: str | Path, line: str) -> None:
    """Append a line (its newline is added) to a file; other processes see it at once.

    A last line that a kill truncated is removed first, and a line that the disk has no room for is
    removed again, so that the lines before stay readable. Raises `FnnError` as `replace_file` does.
    """
    remaining = memoryview(f"{line}\n".encode())
    with explained(path), open(path, "a+b", buffering=0) as file:
        end = _remove_truncated_line(file)
        try:
            while remaining:
                remaining = remaining[file.write(remaining) :]
        except BaseException:
            with contextlib.suppress(OSError):  # report the first error
                file.truncate(end)
            raise


def _remove_truncated_line(file: FileIO) -> int:
    """Truncate the file after its last complete line. Returns its size."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - 1, 0))
    if file.read(1) not in (b"", b"\n"):
        file.seek(0)
        end = file.read().rfind(b"\n") + 1
        file.truncate(end)
    return end
