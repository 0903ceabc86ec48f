"""A disk that stops a training at any of its operations, as a kill does, or that is full."""

from __future__ import annotations

import builtins
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import fnn.files

OPERATIONS = ("replace", "fsync", "unlink", "mkdir", "rmdir", "truncate")


class Killed(BaseException):
    """From here on the process does nothing more."""


class Disk:
    """Counts the operations on files below a folder, and fails at one of them.

    `fail(number)` is asked at each: what it raises happens in its place; of a write, half of the
    bytes come to the file before.
    """

    def __init__(self, folder: Path, fail: Callable[[int], None]) -> None:
        self.folder, self.fail, self.count = str(folder.resolve()), fail, 0

    def operation(self, path: Any) -> None:
        """One operation on a path or a descriptor."""
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        if str(Path(path).absolute()).startswith(self.folder):
            self.count += 1
            self.fail(self.count)

    def open(self, path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        """In place of `open` in `fnn.files`."""
        file = builtins.open(path, mode, *arguments, **options)  # noqa: SIM115
        if mode == "rb" or not str(Path(path).absolute()).startswith(self.folder):
            return file
        return WatchedFile(file, self, path)


class WatchedFile:
    """A file whose writes are operations of the disk."""

    def __init__(self, file: Any, disk: Disk, path: Any) -> None:
        self._file, self._disk, self._path = file, disk, path

    def write(self, data: Any) -> int:
        """Write all, or half before the failure."""
        try:
            self._disk.operation(self._path)
        except BaseException:
            self._file.write(bytes(data)[: len(data) // 2])
            self._file.flush()
            raise
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> WatchedFile:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()


@contextmanager
def on_disk(folder: Path, fail: Callable[[int], None]) -> Iterator[Disk]:
    """Inside, what the library does to files below the folder goes through a `Disk`."""
    disk = Disk(folder, fail)
    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, _watched(getattr(os, name), disk))
        patch.setattr(fnn.files, "open", disk.open, raising=False)
        yield disk


def _watched(function: Callable[..., Any], disk: Disk) -> Callable[..., Any]:
    def call(path: Any, *arguments: Any, **options: Any) -> Any:
        if options.get("dir_fd") is None:
            disk.operation(path)
        return function(path, *arguments, **options)

    return call


def killed_at(moment: int) -> Callable[[int], None]:
    """At that operation, and at each after it."""

    def fail(number: int) -> None:
        if number >= moment:
            raise Killed

    return fail


def full_once(there: Path, count: int) -> Callable[[int], None]:
    """No space left for so many operations from the moment on that a file or folder is there."""
    left = count

    def fail(number: int) -> None:
        nonlocal left
        if left and there.exists():
            left -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fail


def full(first: int, last: int) -> Callable[[int], None]:
    """No space left from one operation to another."""

    def fail(number: int) -> None:
        if first <= number <= last:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fail
