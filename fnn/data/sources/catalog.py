"""Which datasets go by a name, and which of them are here."""

from __future__ import annotations

import importlib.util
import os
from typing import NamedTuple

from fnn.data.sources.bundled import BUNDLED
from fnn.data.sources.images import IMAGES, find_files, folder


class Entry(NamedTuple):
    """A known dataset; `where` says in which folder it is, or how to get it."""

    name: str
    task: str
    rows: str
    inputs: int
    present: bool
    where: str


def catalog(data_dir: str | os.PathLike[str] | None = None) -> list[Entry]:
    """All datasets that `load` knows by name, sorted by it."""
    entries = [_bundled(name) for name in BUNDLED]
    root = folder(data_dir)
    for name in IMAGES:
        files = find_files(name, root)
        where = f"missing: fnn data get {name}" if files is None else str(files[0].parent)
        rows = "60,000 + 10,000"
        entries.append(Entry(name, "10 classes", rows, 784, files is not None, where))
    return sorted(entries)


def _bundled(name: str) -> Entry:
    entry = BUNDLED[name]
    task = "regression" if entry.classes is None else f"{len(entry.classes)} classes"
    present = importlib.util.find_spec("sklearn") is not None
    where = "comes with scikit-learn" if present else "missing: pip install 'fnn[data]'"
    return Entry(name, task, f"{entry.rows:,}", len(entry.columns), present, where)
