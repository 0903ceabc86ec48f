"""Data of a run that Python has started: as it is recorded, and read again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fnn.files import expanded, field
from fnn.runs.folder import Record, RunFolder
from fnn.runs.origin import data_record
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.training import Run


def python_data_record(
    data: object, prepared: Prepared, fractions: Sequence[float], split_seed: int
) -> Record:
    """The `data_record` of an argument `data`, with what reads and splits it again.

    Arrays and data that were prepared before can't be read again: their source is None.
    """
    from fnn.data import NAMES
    from fnn.data.fingerprint import fingerprint

    if not isinstance(data, str | os.PathLike):
        return data_record(prepared, None, source=None)
    name = os.fspath(data)
    assert isinstance(name, str)
    name = name if name in NAMES else str(expanded(name).resolve())
    source = {"data": name, "fractions": list(fractions), "split_seed": split_seed}
    return data_record(prepared, fingerprint(name), source=source)


def prepare_again(folder: RunFolder) -> Prepared:
    """The data of a run that Python has started, split and encoded as it was.

    Raises `FnnError` where it can't be read again, and where it has changed.
    """
    from fnn.data import load, prepare
    from fnn.data.fingerprint import fingerprint

    config, path = folder.config, folder.path / "config.json"
    source = field(config, "data.source", dict | None, path)
    if source is None:
        raise FnnError("its rows came from Python's memory: give DATA", str(folder.path))
    name = field(source, "data", str, path)
    recorded = field(config, "data.sha256", str | None, path)
    if recorded is not None and fingerprint(name) not in (recorded, None):
        raise FnnError(f"has been changed since {folder.path} was trained on it", name)
    fractions = field(source, "fractions", list, path)
    return prepare(load(name), fractions, seed=field(source, "split_seed", int, path))


def recorded_run(folder: RunFolder) -> Run:
    """The run that a config.json holds, of a command or of Python."""
    from fnn.spec import from_json
    from fnn.training import Run

    run = from_json(json.dumps(folder.config["run"]))
    assert isinstance(run, Run)
    return run
