"""The kinds of folders: of a run, of a sweep, of a search; and how to resume one."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Literal

from fnn.files import explained, field, read_record
from fnn.runs.checkpoints import has_checkpoint
from fnn.runs.digests import FORMAT
from fnn.spec.errors import FnnError

Kind = Literal["run", "sweep", "search"]
HALVING = "fnn.api.halving"
"""the call that is not resumed"""
STORE = ".members"
"""in the folder of an unfinished ensemble: what it is resumed from"""


def kind_of(folder: Path) -> Kind:
    """By the file that a sweep or a search is resumed from."""
    with explained(folder):
        if (folder / "sweep.json").is_file():
            return "sweep"
        return "search" if (folder / "search.json").is_file() else "run"


def resume_command(folder: Path) -> str | None:
    """The command that goes on with what is in a folder; None where nothing is kept for that.

    Successive halving keeps nothing of that kind. What Python has started is resumed by the same
    call.
    """
    kind = kind_of(folder)
    if kind == "search" and _halves(folder / "search.json"):
        return None
    if kind == "run" and not (has_checkpoint(folder) or (folder / STORE).is_dir()):
        return None
    call, quoted = python_call(folder), shlex.quote(str(folder))
    if call is not None:
        resume = ", resume=True" if call == "fnn.train" else ""
        return f"{call}(…, folder={str(folder)!r}{resume})"
    return f"fnn {'train' if kind == 'run' else kind} --resume {quoted}"


def python_call(folder: Path) -> str | None:
    """The function that has started what is in a folder; None for a command, and if unknown."""
    for name in ("search.json", "config.json"):
        with contextlib.suppress(FnnError):
            call = read_record(folder / name, FORMAT).get("call")
            return call if isinstance(call, str) else None
    return None


def check_single(path: str | Path) -> None:
    """Raises `FnnError` for a sweep's folder, and for that of a search without a best run.

    Neither holds a single run; the error says what to give instead.
    """
    folder = Path(path)
    kind = kind_of(folder)
    if kind == "run" or ((folder / "config.json").is_file() and kind == "search"):
        return
    if (folder / "best-1").is_dir():
        message = f"is the folder of a sweep: give one of its runs, such as {folder / 'best-1'}"
    else:
        command = resume_command(folder)
        tail = "begin anew" if command is None else f"go on: {command}"
        message = f"is the folder of a {kind} that has come to no best run: {tail}"
    raise FnnError(message, str(path))


def _halves(path: Path) -> bool:
    record = read_record(path, FORMAT)
    if record.get("call") is not None:
        return record["call"] == HALVING
    return bool(field(record, "options", dict, path).get("method") == "halving")
