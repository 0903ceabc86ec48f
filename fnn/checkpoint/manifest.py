"""One checkpoint: NAME.json, the manifest, and NAME-….safetensors, the arrays that it names.

The arrays are written first, under a name that holds their digest; the manifest after them, in one
step. So a checkpoint is there as a whole or not at all, and one that is replaced stays until the
new one is on the disk.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn.checkpoint.tensors import check_storable, from_bytes, to_bytes
from fnn.files import field, read_bytes, read_record, write_bytes, write_record
from fnn.spec import FnnError

FORMAT = 2
"""1 was that of models without a digest (`fnn.model.folder`)"""
Record = dict[str, Any]
"""a JSON object"""


class Checkpoint(NamedTuple):
    """What was read of one.

    path: of the manifest; record: what it holds; arrays: by their path in the pytree.
    """

    path: Path
    record: Record
    arrays: dict[str, np.ndarray]


def write(path: Path, arrays: Mapping[str, np.ndarray], record: Mapping[str, object]) -> None:
    """Write a checkpoint whose manifest is `path`, in place of an older one.

    The manifest holds `record`, the version of the format, `file` and `sha256` of the arrays'
    file, dtype, shape and CRC-32 of each leaf, and a digest of itself. Raises `FnnError` with the
    path where it can't be written; an older checkpoint is intact then.
    """
    check_storable(arrays)
    data = to_bytes(arrays)
    digest = hashlib.sha256(data).hexdigest()
    tensors = path.with_name(f"{path.stem}-{digest[:16]}.safetensors")
    manifest = {
        **record,
        "file": tensors.name,
        "sha256": digest,
        "leaves": {name: leaf_record(leaf) for name, leaf in arrays.items()},
    }
    with _removed_on_failure(tensors):
        write_bytes(tensors, data)
        write_record(path, FORMAT, manifest)
    remove_others(path, tensors)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint and check every byte of it.

    Raises `FnnError` with the file, and the leaf where one is concerned, for what is missing,
    damaged, or was not written together.
    """
    record = read_record(path, FORMAT)
    return Checkpoint(path, record, read_tensors(path, record))


def read_tensors(path: Path, record: Record) -> dict[str, np.ndarray]:
    """The arrays that the manifest `record`, read from `path`, names; errors as in `read`."""
    tensors = path.with_name(_file_name(record, path))
    data = read_bytes(tensors, None)
    if hashlib.sha256(data).hexdigest() != field(record, "sha256", str, path):
        raise FnnError(_damage(data, tensors, record, path), str(tensors))
    arrays = from_bytes(data, tensors)
    differ = _differing(arrays, record, path)
    for name, (expected, got) in differ.items():
        raise FnnError(f"{name}: expected {expected}, got {got}", str(tensors))
    return arrays


def remove(path: Path) -> None:
    """Remove a checkpoint, the manifest first: what is left of a kill in between takes space."""
    path.unlink(missing_ok=True)
    remove_others(path, None)


def remove_others(path: Path, tensors: Path | None) -> None:
    """Remove the arrays of older checkpoints of the manifest `path`, all but `tensors`."""
    digest = "[0-9a-f]" * 16
    for other in path.parent.glob(f"{glob.escape(path.stem)}-{digest}.safetensors"):
        if other != tensors:
            with contextlib.suppress(OSError):  # a leftover file only takes space
                other.unlink()


def leaf_record(leaf: np.ndarray) -> str:
    """What a manifest says of an array: its dtype, shape and CRC-32, `float32[64, 10] 9f3a01c4`."""
    crc = zlib.crc32(np.ascontiguousarray(leaf).view(np.uint8).reshape(-1).data)
    return f"{leaf.dtype}{list(leaf.shape)} {crc:08x}"


def _damage(data: bytes, tensors: Path, record: Record, path: Path) -> str:
    """What is damaged in the file of the arrays."""
    try:
        differ = _differing(from_bytes(data, tensors), record, path)
    except (FnnError, ValueError, TypeError):  # it is damaged: whatever that leads to
        differ = {}
    where = f" in {next(iter(differ))}" if differ else ""
    return f"damaged{where}, or not the arrays that {path.name} was written for"


def _differing(
    arrays: Mapping[str, np.ndarray], record: Record, path: Path
) -> dict[str, tuple[str, str]]:
    """What the manifest says of leaves, and what they are, of those where that differs."""
    first = record["format"] == 1  # a model's, which has dtype and shape alone
    recorded = field(record, "arrays" if first else "leaves", dict, path)
    stored = {name: _described(leaf, first) for name, leaf in arrays.items()}
    return {
        name: (str(recorded.get(name, "nothing")), stored.get(name, "nothing"))
        for name in sorted({*recorded, *stored})
        if recorded.get(name) != stored.get(name)
    }


def _described(leaf: np.ndarray, first: bool) -> str:
    return leaf_record(leaf).rpartition(" ")[0] if first else leaf_record(leaf)


def _file_name(record: Record, path: Path) -> str:
    name: str = field(record, "file", str, path)
    if name != Path(name).name:
        raise FnnError(f"expected the name of a file beside it, got {name!r}", str(path))
    return name


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    """Remove a new file where writing failed: no manifest names it then.

    After an interrupt that is unknown, so the file stays; the next `write` removes it.
    """
    existed = path.exists()
    try:
        yield
    except FnnError:
        if not existed:
            with contextlib.suppress(OSError):  # report the first error
                path.unlink(missing_ok=True)
        raise
