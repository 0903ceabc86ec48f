"""What a folder is that a command has left: of a run, of a sweep, of a search; how to go on."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from fnn.files import explained, field, read_record
from fnn.spec import FnnError

Kind = Literal["run", "sweep", "search"]


def kind_of(folder: Path) -> Kind:
    """By the file that a sweep or a search goes on by."""
    with explained(folder):
        if (folder / "sweep.json").is_file():
            return "sweep"
        return "search" if (folder / "search.json").is_file() else "run"


def going_on(folder: Path) -> str | None:
    """The command that goes on with a sweep or a search; None where there is nothing to go on by.

    A run keeps nothing of that kind, and neither does successive halving.
    """
    kind = kind_of(folder)
    if kind == "run" or (kind == "search" and _halves(folder / "search.json")):
        return None
    return f"fnn {kind} --resume {shlex.quote(str(folder))}"


def check_single(path: str | Path) -> None:
    """Raises `FnnError` for a sweep's folder, and for that of a search that has not come to an end.

    Neither holds a single run; the error says what to give instead.
    """
    folder = Path(path)
    kind = kind_of(folder)
    if kind == "run" or ((folder / "config.json").is_file() and kind == "search"):
        return
    if (folder / "best-1").is_dir():
        told = f"is the folder of a sweep: give one of its runs, such as {folder / 'best-1'}"
    else:
        command = going_on(folder)
        tail = "begin anew" if command is None else f"go on: {command}"
        told = f"is the folder of a {kind} that has come to no best run: {tail}"
    raise FnnError(told, str(path))


def _halves(place: Path) -> bool:
    options = field(read_record(place, 1), "options", dict, place)
    return options.get("method") == "halving"
