"""The folder of one run: its configuration, its metrics epoch by epoch, its result, its model."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fnn.files import (
    RECORD_LIMIT,
    append_line,
    explained,
    json_text,
    parse_json,
    read_bytes,
    read_record,
    with_floats,
    write_bytes,
    write_record,
)
from fnn.runs.digests import CHECKPOINTS, FORMAT, check_file, file_digests
from fnn.runs.naming import make_folder, new_folder, remove_empty
from fnn.spec.errors import FnnError, choice

if TYPE_CHECKING:
    from fnn.training import Run

Record = dict[str, Any]
"""a JSON object"""
STATUSES = ("finished", "stopped early", "interrupted", "diverged")


class RunFolder:
    """What a run leaves behind.

    | file | holds |
    |---|---|
    | `config.json` | the command or call, spec, data, seeds, versions, device: what repeats it |
    | `metrics.jsonl` | a line an epoch, there for others as soon as the epoch is over |
    | `checkpoints/` | where it stood, twice: what `fnn train --resume` continues from |
    | `model/` | the model kept: `fnn.model.save(model, run.model_path)` |
    | `result.json` | how it ended; a run without it is still running, or was killed |

    All records are JSON. Floats that are not finite stand in it as "NaN", "Infinity" and
    "-Infinity", and `history` and `result` give them back as floats. Use it in a `with` block: a
    failure before anything was recorded (an epoch, a model, a result) takes the folder away again.
    """

    def __init__(self, path: str | Path, created: Sequence[Path] = ()) -> None:
        self.path = Path(path)
        self._created = created

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        name: str = "run",
        parent: str | Path = "runs",
    ) -> Self:
        """A new folder: `path`, or else the next free of `parent/name-1`, `parent/name-2`, …

        `name` may be that of a data set or the path of its file (see `folder_name`). Two commands
        at the same time get two folders. Raises `FnnError` for a path that exists, and where no
        folder can be made.
        """
        created = new_folder(Path(parent), name) if path is None else make_folder(Path(path))
        return cls(created[-1], created)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """A folder that is there. Raises `FnnError` that says what it lacks to be a run's."""
        run = cls(path)
        with explained(path):
            if not run.path.exists():
                raise FnnError("does not exist", str(path))
            if not (run.path / "config.json").is_file():
                raise FnnError("is not the folder of a run: it has no config.json", str(path))
        read_record(run.path / "config.json", FORMAT)
        return run

    @property
    def model_path(self) -> Path:
        """Where the model is kept."""
        return self.path / "model"

    def write_config(
        self,
        *,
        command: Sequence[str] | None,
        options: Mapping[str, object] | None,
        run: Run,
        data: Mapping[str, object],
        seeds: Mapping[str, int],
        parameters: int,
        call: str | None = None,
        devices: int = 1,
        started: str | None = None,
    ) -> None:
        """Record what repeats the run; versions, device, random settings and the time are added.

        `started` is the time of one that is written anew.

        `command` is the command line as words, `options` every option by name; both are None for a
        run that Python has started by the function `call`. `run` is a spec, `data` has at least a
        `name`, `parameters` is their number. Raises `FnnError` for what JSON can't hold and where
        the disk is full.
        """
        from fnn.checkpoint import environment
        from fnn.spec import to_json

        record = {
            "command": command,
            "options": options,
            **({} if call is None else {"call": call}),
            "run": json.loads(to_json(run)),
            "data": data,
            "seeds": seeds,
            "parameters": parameters,
            **environment(devices),
            "started": now() if started is None else started,
        }
        write_record(self.path / "config.json", FORMAT, record)

    def append(self, row: Mapping[str, object]) -> None:
        """Record an epoch: a line in metrics.jsonl. Raises `FnnError` where the disk is full."""
        append_line(self.path / "metrics.jsonl", json_text(row))

    def write_history(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Record all epochs at once, in place of those before. Raises `FnnError` as `append`."""
        text = "".join(f"{json_text(row)}\n" for row in rows)
        write_bytes(self.path / "metrics.jsonl", text.encode())

    def write_result(
        self,
        status: str,
        *,
        epochs: int,
        best_epoch: int | None,
        metric: str,
        validation: Mapping[str, float] | None,
        test: Mapping[str, float] | None,
        test_rows: int,
        seconds: float | None,
        **more: object,
    ) -> None:
        """Record how the run ended; the time is added.

        `status` is one of `STATUSES`, `metric` the name of the one by which epochs were compared,
        `validation` its metrics at the best epoch, `test` those over the test rows; `more` is
        recorded beside them, and `files`, the digests of those that have none of their own. Raises
        `FnnError` for another status, what JSON can't hold, and where the disk is full.
        """
        if status not in STATUSES:
            raise FnnError(f"unknown status {status!r}{choice(status, STATUSES)}")
        record = {
            "status": status,
            "epochs": epochs,
            "best_epoch": best_epoch,
            "metric": metric,
            "validation": validation,
            "test": test,
            "test_rows": test_rows,
            "seconds": seconds,
            **more,
            "files": file_digests(self.path),
            "ended": now(),
        }
        write_record(self.path / "result.json", FORMAT, record)

    def remove_result(self) -> None:
        """The run goes on: how it ended before no longer holds."""
        with explained(self.path):
            (self.path / "result.json").unlink(missing_ok=True)

    @property
    def config(self) -> Record:
        """What config.json holds. Raises `FnnError` where it is missing or damaged."""
        return read_record(self.path / "config.json", FORMAT)

    @property
    def result(self) -> Record | None:
        """What result.json holds; None while it runs, and after a kill."""
        path = self.path / "result.json"
        if not path.exists():
            return None
        record: Record = with_floats(read_record(path, FORMAT))
        return record

    def history(self) -> list[Record]:
        """The rows appended so far.

        A last line without its newline is left out: it is being written, or a kill tore it. Raises
        `FnnError` with file and line for any other line that is no JSON object.
        """
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return []
        check_file(self.path, path.name)
        rows, lines = [], read_bytes(path, 8 * RECORD_LIMIT).split(b"\n")[:-1]
        for number, line in enumerate(lines, start=1):
            row = parse_json(line, path, number)
            if not isinstance(row, dict):
                raise FnnError(f"expected a JSON object in line {number}, got {row!r}", str(path))
            rows.append(with_floats(row))
        return rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and self._created and not self._recorded():
            shutil.rmtree(self.path, ignore_errors=True)
            remove_empty(self._created)

    def _recorded(self) -> bool:
        metrics = self.path / "metrics.jsonl"
        kept = (self.model_path, self.path / "result.json", self.path / CHECKPOINTS)
        return any(path.exists() for path in kept) or (
            metrics.exists() and metrics.stat().st_size > 0
        )


def now() -> str:
    """The time, with its zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
