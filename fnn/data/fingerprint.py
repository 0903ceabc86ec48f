"""Whether data is the data of before: a digest of its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fnn.data.loading import NAMES
from fnn.files import expanded

BLOCK, BLOCKS = 2**16, 256
"""bytes that are read at a place of a large file, and the places"""


def fingerprint(data: str, test: str | None = None) -> str | None:
    """The SHA-256 of `data`, a path, in hexadecimal; together with the file of test rows if any.

    Of a folder of .npy files it is of their sizes, and of 64 KiB in each of 256 places at most.
    None for data that goes by a name, and where something is not there.
    """
    if data in NAMES:
        return None
    paths = [expanded(name) for name in (data, test) if name]
    if not all(path.exists() for path in paths):
        return None
    digests = [_folder_digest(path) if path.is_dir() else _file_digest(path) for path in paths]
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_digest(path: Path) -> str:
    digest = hashlib.sha256()
    for part in sorted(path.glob("*.npy")):
        size = part.stat().st_size
        digest.update(f"{part.name} {size}\n".encode())
        with part.open("rb") as file:
            for offset in range(0, size, max(BLOCK, -(-size // BLOCKS))):
                file.seek(offset)
                digest.update(file.read(BLOCK))
    return digest.hexdigest()
