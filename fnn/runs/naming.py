"""Where a new run's folder goes, and making it so that no two commands get the same one."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from fnn.files import explained


def folder_name(data: str) -> str:
    """A name for a folder from that of a data set or the path of its file.

    `digits` stays; `../my data.csv.gz` makes `my-data`.
    """
    name = re.split(r"[/\\]", data.rstrip("/\\"))[-1]
    stem = re.sub(r"(\.[A-Za-z]\w{0,7})+$", "", name)
    return re.sub(r"[^\w.]+", "-", stem)[:60].strip("-.") or "run"


def new_folder(parent: Path, name: str) -> list[Path]:
    """Make the next free of `parent/name-1`, `parent/name-2`, …; gives what `make_folder` gives."""
    name = folder_name(name)
    number = _last_number(parent, name)
    with explained(parent):
        while True:
            number += 1
            with contextlib.suppress(FileExistsError):
                return _make(parent / f"{name}-{number}")


def make_folder(path: Path) -> list[Path]:
    """Make a folder and those above it that are missing; all that were created, outermost first.

    Raises `FnnError` where it exists already or can't be created.
    """
    with explained(path):
        return _make(path)


def remove_empty(created: Sequence[Path]) -> None:
    """Take folders away again; others may have put something there meanwhile."""
    for folder in reversed(created):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _make(path: Path) -> list[Path]:
    above = list(itertools.takewhile(lambda folder: not folder.exists(), path.parents))
    created: list[Path] = []
    try:
        for folder in (*reversed(above), path):
            folder.mkdir(exist_ok=folder != path)
            created.append(folder)
    except OSError:
        remove_empty(created)
        raise
    return created


def _last_number(parent: Path, name: str) -> int:
    with explained(parent):
        if not parent.is_dir():
            return 0
        names = (path.name for path in parent.iterdir())
        matches = [re.fullmatch(re.escape(name) + r"-(\d+)", other) for other in names]
        return max((int(match[1]) for match in matches if match), default=0)
