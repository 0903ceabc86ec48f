"""Digests of a run's files: what its records vouch for."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fnn.files import explained, read_bytes, read_record
from fnn.spec.errors import FnnError

FORMAT = 2
"""of records; 1 had no digest, and no settings of random numbers"""
CHECKPOINTS = "checkpoints"
"""in the folder of a run: where it stood"""
RECORDS = ("config.json", "search.json", "sweep.json", "result.json")
MANIFESTS = ("model.json", "model/model.json", "under-way.json", "ended/*.json", "search-best.json")
"""of checkpoints (`fnn.checkpoint`), in the folder of a run; what they vouch for is .safetensors"""
LATER = (".png", ".tmp")
"""files that come after the result: figures, which have checksums of their own"""


def file_digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of the files of a run that have no digest of their own, by their path in it."""
    with explained(folder):
        paths = [path for path in folder.rglob("*") if path.is_file()]
    names = sorted(
        path.relative_to(folder).as_posix() for path in paths if _is_listed(path, folder)
    )
    return {name: hashlib.sha256(read_bytes(folder / name, None)).hexdigest() for name in names}


def _is_listed(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith(".") for part in parts)
    own = path.name in RECORDS or path.suffix == ".safetensors" or any(map(path.match, MANIFESTS))
    return not (hidden or own or parts[0] == CHECKPOINTS or path.suffix in LATER)


def check_file(folder: Path, name: str) -> None:
    """Raises `FnnError` where a file is not the one that result.json names; nothing without one."""
    path = folder / "result.json"
    if not path.exists():
        return
    digests = read_record(path, FORMAT).get("files", {})
    file = folder / name
    if name in digests and file.is_file():
        check_digest(file, digests[name])


def check_digest(file: Path, digest: str) -> None:
    """Raises `FnnError` where a file is not the one of that SHA-256, which result.json names."""
    if hashlib.sha256(read_bytes(file, None)).hexdigest() != digest:
        raise FnnError("is not the file that result.json was written for", str(file))
